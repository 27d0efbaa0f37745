/*
Package address makes one spelling of the e-mail addresses and phone numbers that people type, paste and dictate, so
that one mailbox or number is one subject with one budget, and two are never one. It checks syntax only: whether a
mailbox or number exists, a code that was sent there tells.

	mail, err := address.Mail(typed)    // "<Ann@BÜCHER.example>," becomes ann@xn--bcher-kva.example
	phone, err := address.Phone(typed)  // "+49 (0)30 555-0100" becomes +49305550100
	either, err := address.Parse(typed) // decides by an @

What comes out goes in again unchanged. What is no address is ErrInvalid of package onetime, which says what is wrong
with the text and tells nothing about accounts: answer it with "check the address".

# Mail

Around the address white space, invisible characters, quotation marks, brackets and punctuation go, and so do mailto:
and a display name. Inside it nothing is dropped: a blank or an invisible character there is an error. Full-width forms
count as ASCII. The local part, in front of the @, is RFC 5321's dot-string, with RFC 6531's letters: its Unicode form
is NFC, its ASCII letters are lower-cased, other letters stay as they are. The domain is the lower-case A-label that
IDNA's lookup (UTS 46, non-transitional) finds. Dots and tags, as in a.nn+shop@example.com, stay: they belong to the
mailbox, and only its host knows what they mean.

# Phone numbers

A number is E.164: +, a country code and the rest, 8 to 15 digits. What people write between the digits goes, and
digits of all scripts count. A number without + or 00 is a national form, which belongs to a country only by the
caller's word: see [National]. A 0 behind the country code goes where it is written (0); without brackets it stays,
since in some countries it is part of the number.

# Security considerations

One spelling protects budgets, locks and accounts from those who spell one address in many ways. It does not protect
from an address that looks like another: "аnn@example.com" with a Cyrillic а is another mailbox, and domains have
such doubles, too. Where people choose whom to trust by an address, show the A-label.

Send to the address that the account has, never to the one that was typed, even where both have the same spelling here
(CVE-2019-19844: an account was found by an upper-cased address, and the reset went to the typed one). No letter beyond
ASCII changes its case in a local part: Unicode's case folding makes two mailboxes one (the Kelvin sign and k, the long
s and s, the dotless ı and i), and letters that are ASCII by NFC are refused.

A host may tell Ann@ and ann@ apart, which RFC 5321, section 2.4, allows and discourages. Here both are one: where the
two are different people, the account is that of the spelling it has stored, and the code must go there.

Errors hold nothing of what was typed. Their causes, which they wrap and do not print, may.
*/
package address
