package stateless

// Uses returns how many uses the guard remembers.
func (g *ProcessGuard) Uses() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.uses)
}
