package onetimesend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// classes are the classes that an error has.
func classes(err error) (found []error) {
	for _, class := range []error{onetimesend.ErrPermanent, onetimesend.ErrUnknown, onetimesend.ErrRefused} {
		if errors.Is(err, class) {
			found = append(found, class)
		}
	}
	return found
}

func TestErrors_TheOutermostClassCounts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want []error
	}{
		{onetimesend.Permanent(errBroken), []error{onetimesend.ErrPermanent}},
		{onetimesend.Unknown(onetimesend.Permanent(errBroken)), []error{onetimesend.ErrUnknown}},
		{onetimesend.Refused(errBroken), []error{onetimesend.ErrRefused}},
		{onetimesend.Temporary(time.Second, onetimesend.Unknown(errBroken)), nil},
		{fmt.Errorf("gateway: %w", onetimesend.Permanent(errBroken)), []error{onetimesend.ErrPermanent}},
	} {
		require.Equal(t, c.want, classes(c.err))
		require.ErrorIs(t, c.err, errBroken)
		require.ErrorContains(t, c.err, "broken")
	}
	require.NoError(t, onetimesend.Permanent(nil))
	require.NoError(t, onetimesend.Unknown(nil))
	require.NoError(t, onetimesend.Refused(nil))
	require.NoError(t, onetimesend.Temporary(time.Second, nil))
	require.Equal(t, time.Second, onetimesend.RetryAfter(fmt.Errorf("x: %w", onetimesend.Temporary(time.Second, errBroken))))
	require.Zero(t, onetimesend.RetryAfter(errBroken))
}

func answer(err error) onetimesend.Sender { return (&recorder{err: err}).send }

func TestByChannel_TakesTheFirstAddressThatCanBeReached(t *testing.T) {
	var mail, sms recorder
	send := onetimesend.ByChannel(map[onetimesend.Channel]onetimesend.Sender{onetimesend.ChannelMail: mail.send, onetimesend.ChannelSMS: sms.send})
	delivery, err := send(t.Context(), everyone, message())
	require.NoError(t, err)
	require.Equal(t, onetimesend.Delivery{Channel: onetimesend.ChannelMail, ID: "issue-1"}, delivery)
	require.Equal(t, []onetimesend.Recipient{onetimesend.To(onetimesend.ChannelMail, ann)}, mail.sent)
	require.Zero(t, sms.count())

	_, err = send(t.Context(), onetimesend.To(onetimesend.ChannelVoice, number), message())
	require.ErrorIs(t, err, onetimesend.ErrPermanent)
}

func TestByChannel_ARefusalLeadsToTheNextAddressAndNoOtherErrorDoes(t *testing.T) {
	for _, c := range []struct {
		err  error
		next int
	}{{onetimesend.Refused(errBroken), 1}, {onetimesend.Permanent(errBroken), 0}, {onetimesend.Unknown(errBroken), 0}, {errBroken, 0}} {
		var sms recorder
		send := onetimesend.ByChannel(map[onetimesend.Channel]onetimesend.Sender{onetimesend.ChannelMail: answer(c.err), onetimesend.ChannelSMS: sms.send})
		_, err := send(t.Context(), everyone, message())
		require.Equal(t, c.next, sms.count())
		require.Equal(t, c.next == 1, err == nil)
	}
}

func TestFallback_AFailedMailDoesNotFailWhatAnSMSTookAlong(t *testing.T) {
	for _, err := range []error{onetimesend.Permanent(errBroken), onetimesend.Unknown(errBroken), onetimesend.Refused(errBroken), errBroken} {
		var sms recorder
		delivery, err := onetimesend.Fallback(time.Second, answer(err), sms.send)(t.Context(), everyone, message())
		require.NoError(t, err)
		require.Equal(t, 1, sms.count())
		require.Equal(t, "issue-1", delivery.ID)
	}
}

func TestFallback_WhatAllErrorsComeTo(t *testing.T) {
	permanent, unknown, refused := onetimesend.Permanent(errBroken), onetimesend.Unknown(errBroken), onetimesend.Refused(errBroken)
	later := onetimesend.Temporary(time.Minute, errBroken)
	for _, c := range []struct {
		errs []error
		want []error
	}{
		{[]error{permanent, permanent}, []error{onetimesend.ErrPermanent}},
		{[]error{unknown, permanent}, []error{onetimesend.ErrUnknown}},
		{[]error{permanent, unknown, refused}, []error{onetimesend.ErrUnknown}},
		{[]error{permanent, refused}, []error{onetimesend.ErrRefused}},
		{[]error{refused, later, permanent}, nil},
		{nil, []error{onetimesend.ErrPermanent}},
	} {
		var senders []onetimesend.Sender
		for _, err := range c.errs {
			senders = append(senders, answer(err))
		}
		_, err := onetimesend.Fallback(time.Second, senders...)(t.Context(), everyone, message())
		require.Error(t, err)
		require.Equal(t, c.want, classes(err))
		if c.want == nil {
			require.Equal(t, time.Minute, onetimesend.RetryAfter(err))
		}
	}
}

func TestFallback_WaitsNoLongerThanTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		hangs := func(ctx context.Context, _ onetimesend.Recipient, _ onetimesend.Message) (onetimesend.Delivery, error) {
			<-ctx.Done()
			return onetimesend.Delivery{}, ctx.Err()
		}
		var sms recorder
		_, err := onetimesend.Fallback(10*time.Second, hangs, sms.send)(t.Context(), everyone, message())
		require.NoError(t, err)
		require.Equal(t, 10*time.Second, time.Since(start))

		// What ended without a word may have come after all was sent.
		_, err = onetimesend.Fallback(10*time.Second, hangs, answer(onetimesend.Permanent(errBroken)))(t.Context(), everyone, message())
		require.Equal(t, []error{onetimesend.ErrUnknown}, classes(err))
	})
}

func TestRetry_TriesTemporaryErrorsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			err  error
			want int
		}{{errBroken, 3}, {onetimesend.Permanent(errBroken), 1}, {onetimesend.Unknown(errBroken), 1}, {onetimesend.Refused(errBroken), 1}, {nil, 1}} {
			r := recorder{err: c.err}
			_, err := onetimesend.Retry(3, r.send)(t.Context(), everyone, message())
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, r.count())
		}
	})
}

func TestRetry_HeedsRetryAfterAndTheLifeOfTheSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := recorder{err: onetimesend.Temporary(time.Minute, errBroken)}
		_, err := onetimesend.Retry(100, r.send)(t.Context(), everyone, message(func(m *onetimesend.Message) { m.IssuedAt = start.Add(-30 * time.Second) }))
		require.ErrorIs(t, err, errBroken)
		require.Len(t, r.at, 5, "the code is good for 4 minutes and a half more")
		require.Equal(t, 4*time.Minute, time.Since(start), "and nobody waits for an attempt that cannot come")

		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		r = recorder{err: onetimesend.Temporary(time.Minute, errBroken)}
		_, err = onetimesend.Retry(100, r.send)(ctx, everyone, message())
		require.ErrorIs(t, err, errBroken)
		require.Len(t, r.at, 2)
	})
}

func TestConsole_WritesEachChannel(t *testing.T) {
	var out strings.Builder
	send := onetimesend.Console(&out)
	for _, address := range everyone.Addresses {
		delivery, err := send(t.Context(), onetimesend.Recipient{Addresses: []onetimesend.Address{address}, Locale: "de"}, message())
		require.NoError(t, err)
		require.Equal(t, address.Channel, delivery.Channel)
		require.NotEmpty(t, delivery.ID)
	}
	require.Contains(t, out.String(), "mail to "+ann)
	require.Contains(t, out.String(), link)
	require.Contains(t, out.String(), "123456 ist Ihr Code")
	require.Contains(t, out.String(), "1, 2, 3, 4, 5, 6")
	_, err := send(t.Context(), onetimesend.Recipient{}, message())
	require.ErrorIs(t, err, onetimesend.ErrPermanent)
}

func TestPrepare_RefusesWhatCouldAddARecipientOrAHeader(t *testing.T) {
	for channel, values := range map[onetimesend.Channel][]string{
		onetimesend.ChannelMail: {
			"", "ann", "@example.com", "ann@", "ann@example.com\r\nBcc: eve@example.net", "ann@example.com,eve@example.net", "ann@example.com, eve@example.net",
			"ann@example.com\x00", "ann@example.com>", "<ann@example.com>", "ann@example.com;eve@example.net", "a@b@example.com", "\"a b\"@example.com", "ann @example.com",
			"ann@example.com\u2028", "Ann <ann@example.com>", "ann@exam\u202eple.com", long("a", 250) + "@b.de", "ann@example.com\xff", "(x)ann@example.com",
		},
		onetimesend.ChannelSMS:     {"", "+", "15550100100", "+0555010010", "+1555010010,+15550100101", "+15550100100\r\n", "+15550100100&To=+1", "+1555010", "+15550100100123456", "+１５５５０１００１００"},
		onetimesend.ChannelVoice:   {"tel:+15550100100", "+1 555 0100 100"},
		onetimesend.ChannelWebhook: {"", "a\nb", "a\x00b", long("a", 255)},
		"pigeon":                   {"x"},
	} {
		for _, value := range values {
			_, _, err := onetimesend.Prepare(channel, onetimesend.To(channel, value), message())
			require.ErrorIs(t, err, onetimesend.ErrPermanent, "%s %q", channel, value)
			require.ErrorIs(t, err, onetimesend.ErrInvalid)
			if strings.Contains(value, "ann") && len(value) > 4 {
				require.NotContains(t, err.Error(), value)
			}
		}
	}
	for _, value := range []string{"ann+tag@example.com", "ann@bücher.example", "o'hara@example.com", "ünal@example.com"} {
		_, _, err := onetimesend.Prepare(onetimesend.ChannelMail, onetimesend.To(onetimesend.ChannelMail, value), message())
		require.NoError(t, err)
	}
	_, _, err := onetimesend.Prepare(onetimesend.ChannelSMS, onetimesend.To(onetimesend.ChannelMail, ann), message())
	require.ErrorIs(t, err, onetimesend.ErrPermanent, "no address of the channel")
}

// A message says how long its secret is still good for when it is sent, and is not sent once it is not.
func TestPrepare_SaysWhatIsLeftOfTheLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := message(func(m *onetimesend.Message) { m.IssuedAt = time.Now() })
		prepare := func() (onetimesend.Message, error) {
			_, m, err := onetimesend.Prepare(onetimesend.ChannelMail, everyone, m)
			return m, err
		}
		time.Sleep(3 * time.Minute)
		prepared, err := prepare()
		require.NoError(t, err)
		require.Contains(t, prepared.Text(), "good for 2 minutes")
		require.Contains(t, prepared.Text(), "within 7 minutes")
		time.Sleep(2*time.Minute - time.Nanosecond)
		_, err = prepare()
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		_, err = prepare()
		require.ErrorIs(t, err, onetimesend.ErrExpired)
		require.ErrorIs(t, err, onetimesend.ErrPermanent)
	})
}

func TestMessage_DeliveryIDDerivesFromTheIssueAndTheAddress(t *testing.T) {
	mail, sms := everyone.Addresses[0], everyone.Addresses[1]
	id := message().DeliveryID(mail)
	require.Len(t, id, 26)
	require.Equal(t, id, message(func(m *onetimesend.Message) { m.Language = "de" }).DeliveryID(mail))
	require.NotEqual(t, id, message().DeliveryID(sms))
	require.NotEqual(t, id, message(func(m *onetimesend.Message) { m.ID = "issue-2" }).DeliveryID(mail))
	require.Empty(t, message(func(m *onetimesend.Message) { m.ID = "" }).DeliveryID(mail))
}

func TestValues_PrintNoSecretAndNoAddress(t *testing.T) {
	m := message()
	job := onetimesend.Job{To: everyone, Message: m}
	for _, value := range []any{
		m, &m, []onetimesend.Message{m}, map[string]onetimesend.Message{"k": m}, struct{ M onetimesend.Message }{m}, everyone, &everyone,
		everyone.Addresses, everyone.Addresses[0], job, &job, []onetimesend.Job{job},
	} {
		texts := []string{fmt.Sprint(value), fmt.Errorf("%v", value).Error()}
		for _, verb := range "vsqdxXtbcoOUeEfFgG" {
			for _, flags := range []string{"", "+", "#", " ", "20", ".2"} {
				texts = append(texts, fmt.Sprintf("%"+flags+string(verb), value))
			}
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("sent", "value", value)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("sent", "value", value)
		for _, text := range append(texts, string(encoded), log.String()) {
			for _, secret := range []string{code, link, ann, number, "user-17"} {
				require.NotContains(t, text, secret, "%T", value)
				require.NotContains(t, text, fmt.Sprintf("%x", secret), "%T", value)
			}
		}
	}
}
