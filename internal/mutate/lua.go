package main

import "strconv"

func luaMutants(file, source string) ([]mutant, error) {
	r, err := readLua(file, source)
	if err != nil {
		return nil, err
	}
	m := &mutants{file: file, source: source}
	for _, s := range r.statements {
		text := source[s.start:s.header]
		if s.whole {
			m.add(s.start, s.end, "", text, "delete")
		}
		if s.conditEnd > 0 && !r.comparison(s) {
			m.add(s.condition, s.conditEnd, "not ("+source[s.condition:s.conditEnd]+")", text, "negate")
		}
	}
	for i, t := range r.tokens {
		if t.statement < 0 || t.text == "+" && r.tokens[i+1].text == "0" { // x - 0 is x + 0, by which text becomes a number
			continue
		}
		s := r.statements[t.statement]
		for _, to := range luaChanges(t) {
			shown := to
			if shown == "" {
				shown = "nothing"
			}
			m.add(t.start, t.end, to, source[s.start:s.header], t.text+" to "+shown)
		}
	}
	return m.sorted(), nil
}

// comparison reports whether the condition of a statement is one comparison, which another operator negates.
func (r *luaReader) comparison(s statement) bool {
	compared := 0
	for _, t := range r.tokens {
		if t.start < s.condition || t.end > s.conditEnd {
			continue
		}
		switch t.text {
		case "and", "or", "not":
			return false
		case "==", "~=", "<", "<=", ">", ">=":
			compared++
		}
	}
	return compared == 1
}

func luaChanges(t luaToken) []string {
	switch t.text {
	case "<":
		return []string{"<=", ">="}
	case "<=":
		return []string{"<", ">"}
	case ">":
		return []string{">=", "<="}
	case ">=":
		return []string{">", "<"}
	case "==":
		return []string{"~="}
	case "~=":
		return []string{"=="}
	case "and":
		return []string{"or"}
	case "or":
		return []string{"and"}
	case "true":
		return []string{"false"}
	case "false":
		return []string{"true"}
	case "not":
		return []string{""}
	case "+":
		return []string{"-"}
	case "-":
		if t.binary {
			return []string{"+"}
		}
		return []string{""}
	case "*":
		return []string{"/"}
	case "/", "%":
		return []string{"*"}
	}
	if n, err := strconv.Atoi(t.text); err == nil {
		less := strconv.Itoa(n - 1)
		if n == 0 {
			less = "(-1)"
		}
		return []string{strconv.Itoa(n + 1), less}
	}
	return nil
}
