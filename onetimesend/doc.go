/*
Package onetimesend says a one-time secret to a person: a [Message] in the person's language, and the ways it travels.

A [Sender] delivers a Message to a [Recipient]. [SMS], [Voice], [Webhook] and [Console] return one; the module onetimesmtp has
one for mail, and any function of the type is one. [ByChannel] and [Fallback] choose between several, [Retry] tries again, a
[Budget] caps what is sent. A [Queue] sends in the background, so that whoever asked learns nothing from the time it takes.

What an error of a Sender says decides what becomes of the secret:

  - nil: the receiver has the message.
  - [ErrPermanent]: nobody has it, and nobody will. End the secret quietly.
  - [ErrUnknown]: somebody may have it. The secret stays alive.
  - [ErrRefused]: a budget or a limit let it not pass. The secret stays alive.
  - any other: temporary. A Queue tries again while the secret lives.

Codes, addresses and bodies stand in no error and no event of this package. [Console] alone prints them, for development.

# Security considerations

Anyone who can make a service send can make it pay: a phone number in an expensive country earns its operator money
(SMS pumping). So [SMS] and [Voice] demand a [Budget], whose allow list is empty by default. HTTP requests follow no redirect
and reach no private address unless the configuration names its network. An SMS is read by whoever holds the number today,
which need not be the person: see docs/sending.md.
*/
package onetimesend
