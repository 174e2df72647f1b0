"""The members that an ensemble can be made of: who adds a file here, with METHOD, adds one."""
