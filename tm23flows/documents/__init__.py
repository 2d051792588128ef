"""The seven nouns as frozen documents, their ids and the array codec; no input or output."""
