package onetimehttp

var (
	german  = Catalogue{}
	french  = Catalogue{}
	spanish = Catalogue{}
	arabic  = Catalogue{}
)
