package browser

import (
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
)

// Reader is what screen readers are told of the page, in order: a line for each heading, field, control and part that is
// announced, with its name or its words, what describes it, and whether it is wrong or has the focus.
func (b *Browser) Reader() (lines []string) {
	b.t.Helper()
	nodes := map[accessibility.NodeID]*accessibility.Node{}
	tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes
	for _, node := range tree {
		nodes[node.NodeID] = node
	}
	var words func(node *accessibility.Node) string
	words = func(node *accessibility.Node) string {
		if word(node.Role) == "StaticText" {
			return word(node.Name)
		}
		var all []string
		for _, id := range node.ChildIDs {
			if child := nodes[id]; child != nil {
				all = append(all, words(child))
			}
		}
		return strings.Join(all, "")
	}
	var read func(node *accessibility.Node)
	read = func(node *accessibility.Node) {
		if line := told(node, words); line != "" {
			lines = append(lines, line)
		}
		for _, id := range node.ChildIDs {
			if child := nodes[id]; child != nil {
				read(child)
			}
		}
	}
	if len(tree) > 0 {
		read(tree[0])
	}
	return lines
}

// told is the line of a node, "" where it is of no kind that has one.
func told(node *accessibility.Node, words func(*accessibility.Node) string) string {
	role := word(node.Role)
	switch {
	case node.Ignored:
		return ""
	case role == "status" || role == "alert":
		return role + ": " + strings.TrimSpace(words(node))
	case !slices.Contains([]string{"heading", "textbox", "button", "link"}, role):
		return ""
	}
	line := role + ": " + word(node.Name)
	if described := word(node.Description); described != "" {
		line += ", " + described
	}
	for _, p := range node.Properties {
		value := word(p.Value)
		switch {
		case p.Name == "invalid" && value != "false", p.Name == "focused" && value == "true":
			line += ", " + string(p.Name)
		}
	}
	return line
}
