package onetimesend_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func ExampleMessage_Text() {
	m := onetimesend.Message{
		Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"},
		Action: "transfer of 200 EUR to Ann",
	}
	fmt.Print(m.Text())
	// Output:
	// Your code for Example to confirm this: transfer of 200 EUR to Ann
	//
	// 123456
	//
	// It is good for 5 minutes. Never share it: nobody from Example will ask you for it.
	//
	// If you did not ask for this, somebody may be using your account. Do not confirm it, and tell Example.
}

func ExampleMessage_SMS() {
	m := onetimesend.Message{Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"}, Host: "example.com", Language: "es"}
	fmt.Println(m.SMS())
	// Output:
	// 123456 es tu clave de Example. No la compartas.
	// @example.com #123456
}

func ExampleTexts_LongSMS() {
	texts, err := onetimesend.NewTexts(map[string]onetimesend.Catalogue{"pt-BR": {"sms.code": "{code} é o seu código {service}. Não o partilhe."}})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := onetimesend.Message{Code: "123456", Brand: onetimesend.Brand{Name: "Example Savings Bank"}, Host: "www.example.com"}
	fmt.Println(texts.LongSMS(m))
	// Output: [ar pt-br]
}

func ExampleFallback() {
	mail := func(context.Context, onetimesend.Recipient, onetimesend.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, onetimesend.Permanent(fmt.Errorf("no such mailbox"))
	}
	send := onetimesend.Fallback(10*time.Second, mail, onetimesend.Console(os.Stdout))
	m := onetimesend.Message{Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"}}
	delivery, err := send(context.Background(), onetimesend.To(onetimesend.ChannelSMS, "+15550100100"), m)
	fmt.Println(delivery.Channel, err)
	// Output:
	// --- sms to +15550100100
	// 123456 is your code for Example. Never share it.
	// ---
	// sms <nil>
}

func ExampleQueue() {
	queue, err := onetimesend.NewQueue(onetimesend.Console(os.Stdout), onetimesend.WithDelay(100*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = queue.Add(onetimesend.Job{
		To:      onetimesend.To(onetimesend.ChannelSMS, "+15550100100"),
		Message: onetimesend.Message{Code: "123456", CodeExpiresIn: 5 * time.Minute, Brand: onetimesend.Brand{Name: "Example"}},
		Done: func(r onetimesend.Result) {
			if r.Failed() {
				fmt.Println("nobody has it: end the code quietly")
			}
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(queue.Close(ctx))
	// Output:
	// --- sms to +15550100100
	// 123456 is your code for Example. Never share it.
	// ---
	// <nil>
}

func ExampleSMS() {
	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	budget, err := onetimesend.NewBudget(rdb, onetimesend.BudgetConfig{
		Name: "sms", Allow: []string{"+1", "+49"}, Deny: []string{"+1876"},
		Prices: map[string]int64{"+1": 8, "+49": 90}, // tenths of a cent
		Caps: []onetimesend.Cap{
			{Burst: 500, Per: time.Hour},
			{Prefix: "+49", Burst: 100, Per: time.Hour},
			{Burst: 20_000, Per: 24 * time.Hour, Cost: true},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = onetimesend.SMS(budget, onetimesend.GatewayConfig{
		URL:  "https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json",
		User: "AC0123", Password: os.Getenv("SMS_PASSWORD"), From: "+15550100999",
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWebhook() {
	_, err := onetimesend.Webhook(onetimesend.WebhookConfig{
		URL: "https://hooks.example.com/onetime", Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	})
	fmt.Println(err)
	// Output: <nil>
}
