package onetime

// What tests see of the inside.
var (
	ScriptTexts = map[string]string{
		"issue": issueText, "verify": verifyText, "undo": undoText, "revoke": revokeText, "unlock": unlockText, "status": statusText,
	}
	CommonText = commonText
)
