/*
Package onetimesmtp sends the messages of onetimesend as mails, by SMTP.

	send, err := onetimesmtp.Sender(onetimesmtp.Config{URL: "smtp://user:password@smtp.example.com:587", From: "Example <sign-in@example.com>"})

Notices sends mails without a secret over the same server.

The connection is encrypted, and the certificate of the server checked, or nothing is sent; a server on a loopback address
is the one exception. A mail has a part of plain text and one of HTML, both in base64, so that no link is broken in two.

What the server answers decides what is known, see onetimesend: 5yz to an address or to the mail is permanent, 4yz temporary.
A connection that breaks, or a time-out, is temporary until the mail is out, and unknown from then until the server answers.
Errors hold the three digits of an answer and its enhanced status code, such as 5.1.1, and nothing else that the server said: it
likes to repeat the address.
*/
package onetimesmtp
