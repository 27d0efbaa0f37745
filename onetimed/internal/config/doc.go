/*
Package config is the settings of onetimed: from a file of YAML, TOML or JSON, from the environment, and from flags, which go
before each other in this order, the last first.

A setting is known by its path, such as redis/url or services/login/code_length. The environment has it as
ONETIMED_REDIS__URL, with two underscores for a slash, and a flag as --redis/url; dashes may stand for the underscores of a
flag. Names of services hold dots and dashes, so the slash alone divides a path; such names are for the file.

What is wrong is reported all at once, with the path and what is wanted, and without the value, which may be a secret.
*/
package config
