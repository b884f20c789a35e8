// Package configs owns the settings: what exists, what is the default, where a value may come from
// and which values and combinations are refused. It does not know who reads them. It is the only
// package that looks at environment variables, and it gets them as an argument.
//
// A value comes from the defaults, then the file, then the environment. The struct Config is the
// only list of settings: keys, variables, masking and the checks of the documentation follow from it.
package configs
