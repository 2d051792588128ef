"""How far everything is, and how long it will take yet: the numbers of ``tm23 status``."""
