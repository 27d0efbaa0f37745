package main

import (
	"fmt"
	"regexp"
	"strings"
)

// A luaToken is its text and where it stands; an empty one is the end.
type luaToken struct {
	text       string
	start, end int
	statement  int // index of the innermost statement it belongs to
	binary     bool
}

var luaTokens = regexp.MustCompile(`^(?:\s+|--\[\[(?s:.*?)\]\]|--[^\n]*|[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?|` +
	`'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}\[\];:,.])`)

// A statement of Lua, or the condition of an elseif. Its header is what stands before the first block.
type statement struct {
	start, end, header   int
	condition, conditEnd int // where there is one
	whole                bool
}

// A luaReader is a recursive-descent parser of what the scripts use of Lua 5.1. It notes statements, and which tokens
// belong to which; everything else about the program is of no interest here.
type luaReader struct {
	source     string
	tokens     []luaToken
	at         int
	statements []statement
	open       []int // statements that are being read, innermost last
}

type syntaxError string

func readLua(file, source string) (r *luaReader, err error) {
	defer func() {
		if wrong, ok := recover().(syntaxError); ok {
			err = fmt.Errorf("%s: %s", file, string(wrong))
		}
	}()
	r = &luaReader{source: source}
	for at := 0; at < len(source); {
		text := luaTokens.FindString(source[at:])
		if text == "" {
			r.fail(at, "unknown character")
		}
		if strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "--") {
			r.tokens = append(r.tokens, luaToken{text: text, start: at, end: at + len(text), statement: -1})
		}
		at += len(text)
	}
	r.tokens = append(r.tokens, luaToken{start: len(source), end: len(source), statement: -1})
	r.block()
	if r.peek() != "" {
		r.fail(r.tokens[r.at].start, "unexpected "+r.peek())
	}
	return r, nil
}

func (r *luaReader) fail(at int, what string) {
	panic(syntaxError(fmt.Sprintf("line %d: %s", lineOf(r.source, at), what)))
}

func (r *luaReader) peek() string { return r.tokens[r.at].text }

func (r *luaReader) next() luaToken {
	t := &r.tokens[r.at]
	if len(r.open) > 0 {
		t.statement = r.open[len(r.open)-1]
	}
	r.at++
	return *t
}

func (r *luaReader) take(text string) bool {
	if r.peek() != text {
		return false
	}
	r.next()
	return true
}

func (r *luaReader) want(text string) {
	if !r.take(text) {
		r.fail(r.tokens[r.at].start, "want "+text+", have "+r.peek())
	}
}

func (r *luaReader) name() {
	if word := r.peek(); word == "" || !(word[0] == '_' || word[0] >= 'A' && word[0] <= 'Z' || word[0] >= 'a' && word[0] <= 'z') {
		r.fail(r.tokens[r.at].start, "want a name")
	}
	r.next()
}

func (r *luaReader) block() {
	for {
		switch r.peek() {
		case "", "end", "else", "elseif", "until":
			return
		case ";":
			r.next()
		default:
			r.begin()
			r.statement()
			r.finish(true)
		}
	}
}

func (r *luaReader) begin() {
	r.statements = append(r.statements, statement{start: r.tokens[r.at].start})
	r.open = append(r.open, len(r.statements)-1)
}

// header ends the header of the innermost statement behind the last token.
func (r *luaReader) header() { r.statements[r.open[len(r.open)-1]].header = r.tokens[r.at-1].end }

func (r *luaReader) finish(whole bool) {
	s := &r.statements[r.open[len(r.open)-1]]
	s.end, s.whole = r.tokens[r.at-1].end, whole
	if s.header == 0 {
		s.header = s.end
	}
	r.open = r.open[:len(r.open)-1]
}

func (r *luaReader) condition() {
	s := r.open[len(r.open)-1]
	r.statements[s].condition = r.tokens[r.at].start
	r.expression()
	r.statements[s].conditEnd = r.tokens[r.at-1].end
}

func (r *luaReader) statement() {
	switch r.next().text {
	case "if":
		r.condition()
		r.want("then")
		r.header()
		r.block()
		for r.peek() == "elseif" {
			r.begin()
			r.next()
			r.condition()
			r.want("then")
			r.finish(false)
			r.block()
		}
		if r.take("else") {
			r.block()
		}
		r.want("end")
	case "while":
		r.condition()
		r.want("do")
		r.header()
		r.block()
		r.want("end")
	case "for":
		r.names()
		if !r.take("=") {
			r.want("in")
		}
		r.expressions()
		r.want("do")
		r.header()
		r.block()
		r.want("end")
	case "do":
		r.header()
		r.block()
		r.want("end")
	case "repeat":
		r.header()
		r.block()
		r.want("until")
		r.condition()
	case "function":
		r.name()
		for r.take(".") || r.take(":") {
			r.name()
		}
		r.function(true)
	case "local":
		if r.take("function") {
			r.name()
			r.function(true)
		} else if r.names(); r.take("=") {
			r.expressions()
		}
	case "return":
		switch r.peek() {
		case "", "end", "else", "elseif", "until", ";":
		default:
			r.expressions()
		}
	case "break":
	default:
		r.at--
		r.suffixed()
		if r.peek() == "," || r.peek() == "=" {
			for r.take(",") {
				r.suffixed()
			}
			r.want("=")
			r.expressions()
		}
	}
}

func (r *luaReader) names() {
	r.name()
	for r.take(",") {
		r.name()
	}
}

func (r *luaReader) expressions() {
	r.expression()
	for r.take(",") {
		r.expression()
	}
}

// function reads parameters and body; only of a function that is a statement do they end the header.
func (r *luaReader) function(header bool) {
	r.want("(")
	for !r.take(")") {
		r.next()
	}
	if header {
		r.header()
	}
	r.block()
	r.want("end")
}

func (r *luaReader) expression() {
	for r.peek() == "not" || r.peek() == "-" || r.peek() == "#" {
		r.next()
	}
	r.simple()
	switch r.peek() {
	case "+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or":
		r.tokens[r.at].binary = true
		r.next()
		r.expression()
	}
}

func (r *luaReader) simple() {
	switch word := r.peek(); {
	case word == "{":
		r.next()
		for !r.take("}") {
			if r.take("[") {
				r.expression()
				r.want("]")
				r.want("=")
			} else if r.tokens[r.at+1].text == "=" {
				r.name()
				r.want("=")
			}
			r.expression()
			if r.peek() != "}" && !r.take(";") {
				r.want(",")
			}
		}
	case word == "function":
		r.next()
		r.function(false)
	case word == "true" || word == "false" || word == "nil" || word == "..." || word != "" && strings.ContainsAny(word[:1], `0123456789'"`):
		r.next()
	default:
		r.suffixed()
	}
}

func (r *luaReader) suffixed() {
	if r.take("(") {
		r.expression()
		r.want(")")
	} else {
		r.name()
	}
	for {
		switch word := r.peek(); {
		case word == "." || word == ":":
			r.next()
			r.name()
		case word == "[":
			r.next()
			r.expression()
			r.want("]")
		case word == "(":
			r.next()
			if !r.take(")") {
				r.expressions()
				r.want(")")
			}
		case word == "{" || word != "" && strings.ContainsAny(word[:1], `'"`):
			r.simple()
		default:
			return
		}
	}
}
