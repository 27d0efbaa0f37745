package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// goChanges are what becomes of operators and of the two truths.
var goChanges = map[string][]string{
	"<": {"<=", ">="}, "<=": {"<", ">"}, ">": {">=", "<="}, ">=": {">", "<"}, "==": {"!="}, "!=": {"=="},
	"&&": {"||"}, "||": {"&&"}, "true": {"false"}, "false": {"true"},
}

// goMutants alters the checks of a Go file: conditions, statements that are no declaration, errors that are returned,
// operators that compare or join, and numbers. What it drops it disables, so that every name stays used.
func goMutants(file, source string) ([]mutant, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	text := func(n ast.Node) string { return source[at(n.Pos()):at(n.End())] }
	m := &mutants{file: file, source: source}
	var path []ast.Node
	var capacity ast.Node // of the last make, which decides nothing
	header := func() string {
		for i := len(path) - 1; i >= 0; i-- {
			var body *ast.BlockStmt
			switch n := path[i].(type) {
			case *ast.IfStmt:
				body = n.Body
			case *ast.ForStmt:
				body = n.Body
			case *ast.RangeStmt:
				body = n.Body
			case *ast.FuncDecl:
				body = n.Body
			case *ast.CaseClause:
				return source[at(n.Pos()) : at(n.Colon)+1]
			case *ast.BlockStmt, *ast.SwitchStmt:
				continue
			case ast.Stmt, *ast.ValueSpec, *ast.GenDecl:
				first, _, _ := strings.Cut(text(path[i]), "{\n")
				return first
			}
			if body != nil {
				return source[at(path[i].Pos()):at(body.Lbrace)]
			}
		}
		return ""
	}
	condition := func(n ast.Expr) {
		// Another operator negates a comparison.
		if comparison, ok := n.(*ast.BinaryExpr); !ok || goChanges[comparison.Op.String()] == nil || comparison.Op == token.LAND || comparison.Op == token.LOR {
			m.add(at(n.Pos()), at(n.End()), "!("+text(n)+")", header(), "negate")
		}
		m.add(at(n.Pos()), at(n.End()), "false && ("+text(n)+")", header(), "never")
	}
	operator := func(p token.Pos, from string) {
		for _, to := range goChanges[from] {
			m.add(at(p), at(p)+len(from), to, header(), from+" to "+to)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if _, imports := n.(*ast.ImportSpec); imports || n == capacity {
			return false
		}
		path = append(path, n)
		switch n := n.(type) {
		case *ast.CallExpr:
			if called, ok := n.Fun.(*ast.Ident); ok && called.Name == "make" && len(n.Args) == 3 {
				capacity = n.Args[2]
			}
		case *ast.IfStmt:
			condition(n.Cond)
		case *ast.CaseClause:
			for _, e := range n.List {
				if _, tagged := path[len(path)-3].(*ast.SwitchStmt); tagged && path[len(path)-3].(*ast.SwitchStmt).Tag == nil {
					condition(e)
				}
			}
		case *ast.BinaryExpr:
			operator(n.OpPos, n.Op.String())
		case *ast.Ident:
			operator(n.Pos(), n.Name)
		case *ast.BasicLit:
			if number, err := strconv.Atoi(n.Value); n.Kind == token.INT && err == nil {
				for _, to := range []string{strconv.Itoa(number + 1), strconv.Itoa(number - 1)} {
					m.add(at(n.Pos()), at(n.End()), to, header(), n.Value+" to "+to)
				}
			}
		case *ast.ExprStmt:
			m.add(at(n.Pos()), at(n.End()), "if false { "+text(n)+" }", header(), "delete")
		case *ast.AssignStmt:
			_, simple := path[len(path)-2].(*ast.BlockStmt)
			_, inCase := path[len(path)-2].(*ast.CaseClause)
			if n.Tok != token.DEFINE && (simple || inCase) {
				m.add(at(n.Pos()), at(n.End()), "if false { "+text(n)+" }", header(), "delete")
			}
		case *ast.ReturnStmt:
			if last := len(n.Results) - 1; last >= 0 && returnsError(path) && text(n.Results[last]) != "nil" {
				e := n.Results[last]
				if len(n.Results) > 1 || numberOfResults(path) == 1 { // not the call that gives all results
					m.add(at(e.Pos()), at(e.End()), "func(error) error { return nil }("+text(e)+")", header(), "error to nil")
				}
			}
		}
		return true
	})
	return m.sorted(), nil
}

// results are those of the innermost function of a path.
func results(path []ast.Node) []*ast.Field {
	for i := len(path) - 1; i >= 0; i-- {
		var kind *ast.FuncType
		switch n := path[i].(type) {
		case *ast.FuncDecl:
			kind = n.Type
		case *ast.FuncLit:
			kind = n.Type
		}
		if kind != nil && kind.Results != nil {
			return kind.Results.List
		} else if kind != nil {
			return nil
		}
	}
	return nil
}

func returnsError(path []ast.Node) bool {
	fields := results(path)
	if len(fields) == 0 {
		return false
	}
	name, ok := fields[len(fields)-1].Type.(*ast.Ident)
	return ok && name.Name == "error"
}

func numberOfResults(path []ast.Node) (n int) {
	for _, field := range results(path) {
		n += max(1, len(field.Names))
	}
	return n
}
