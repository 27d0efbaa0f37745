package address_test

import (
	"fmt"

	"github.com/seed-3f7b73d1/onetime/address"
)

func ExampleMail() {
	for _, typed := range []string{"Ann@Example.com", "Ann Lee <ann@example.com>,", "ann@BÜCHER.example", "root@localhost", "ann at example.com"} {
		mail, err := address.Mail(typed)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(mail)
	}
	// Output:
	// ann@example.com
	// ann@example.com
	// ann@xn--bcher-kva.example
	// address: mail: want a public domain, with a dot in it
	// address: mail: want one @
}

func ExampleAllowLocal() {
	local := address.AllowLocal()
	for _, typed := range []string{"Root@localhost", "ann@[ipv6:2001:DB8::5]"} {
		mail, err := address.Mail(typed, local)
		fmt.Println(mail, err)
	}
	// Output:
	// root@localhost <nil>
	// ann@[IPv6:2001:db8::5] <nil>
}

func ExamplePhone() {
	for _, typed := range []string{"001 (555) 010-0100", "+49 (0)30 555 0100", "tel:+1-555-010-0100", "030 555 0100"} {
		phone, err := address.Phone(typed)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(phone)
	}
	// Output:
	// +15550100100
	// +49305550100
	// +15550100100
	// address: phone: want + and the country code in front
}

func ExampleNational() {
	germany := address.National(map[string]string{"0": "49"}) // a site for people in Germany
	for _, typed := range []string{"030 555 0100", "(0)30 / 555 0100", "+43 1 5550100"} {
		phone, err := address.Phone(typed, germany)
		fmt.Println(phone, err)
	}
	// Output:
	// +49305550100 <nil>
	// +49305550100 <nil>
	// +4315550100 <nil>
}

func ExampleParse() {
	for _, typed := range []string{" Ann@Example.com", "+1 555 010-0100"} {
		to, err := address.Parse(typed)
		if err != nil {
			fmt.Println(err) // answer it with "check the address"
			continue
		}
		fmt.Println(to.Kind, to.Value)
		fmt.Println(to) // shows no address
	}
	// Output:
	// mail ann@example.com
	// address.Address(mail)
	// phone +15550100100
	// address.Address(phone)
}
