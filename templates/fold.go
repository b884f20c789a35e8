package templates

import (
	"html/template"
	"strings"
	"text/template/parse"
)

// fold puts into a page what does not depend on its reader but on the language: a message without values
// is most of what a page says, and looking it up again costs more than all the rest of the page. It has to
// happen before the page is filled for the first time.
func (p *Pages) fold(page *template.Template, language string) {
	for _, t := range page.Templates() {
		if t.Tree != nil {
			p.foldList(t.Tree.Root, language)
		}
	}
}

func (p *Pages) foldList(list *parse.ListNode, language string) {
	if list == nil {
		return
	}
	before := ""
	for i, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.TextNode:
			before = string(n.Text)
			continue
		case *parse.ActionNode:
			// Outside quotes a text could end its attribute: that is html/template's to prevent.
			if text, ok := p.constant(n.Pipe, language); ok && !strings.HasSuffix(before, "=") {
				list.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(template.HTMLEscapeString(text))}
			}
		case *parse.IfNode:
			p.foldList(n.List, language)
			p.foldList(n.ElseList, language)
		case *parse.WithNode:
			p.foldList(n.List, language)
			p.foldList(n.ElseList, language)
		case *parse.RangeNode:
			p.foldList(n.List, language)
			p.foldList(n.ElseList, language)
		}
		before = ""
	}
}

// constant is what a call of t or asset with nothing but a name returns.
func (p *Pages) constant(pipe *parse.PipeNode, language string) (string, bool) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 2 {
		return "", false
	}
	function, isCall := pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	name, isName := pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !isCall || !isName {
		return "", false
	}
	switch function.Ident {
	case "t":
		text, ok := p.words.fixed[language][name.Text]
		return text, ok
	case "asset":
		_, ok := p.assets[name.Text]
		return p.assetURL(name.Text), ok
	}
	return "", false
}
