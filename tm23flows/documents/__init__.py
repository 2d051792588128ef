"""The seven nouns as frozen pydantic documents, their ids and the array codec; no input or output."""
