package onetime

// What tests see of the inside.
var (
	ScriptText = text
	Statuses   = map[string]int64{
		"OK": statusOK, "MISMATCH": statusMismatch, "NOT_FOUND": statusNotFound, "USED": statusUsed, "EXHAUSTED": statusExhausted,
		"THROTTLED": statusThrottled, "LOCKED": statusLocked, "DISABLED": statusDisabled,
	}
)

// Digit is digitValue.
func Digit(r rune) (byte, bool) { return digitValue(r) }

// Clean is Alphabet.clean.
func Clean(a Alphabet, typed string, n int) (string, bool) { return a.clean(typed, n) }
