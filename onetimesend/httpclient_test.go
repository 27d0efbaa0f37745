package onetimesend

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "9.255.255.255": true, "11.0.0.0": true, "172.15.255.255": true, "172.32.0.0": true, "223.255.255.255": true, "224.0.0.0": false,
		"172.16.0.0": false, "172.31.255.255": false, "100.63.255.255": true, "100.127.255.255": false, "0.0.0.0": false, "::ffff:8.8.8.8": true, "::ffff:127.0.0.1": false,
		"2606:4700::1111": true, "2001:4860::8888": true, "2001:db8::1": false, "::1": false, "::": false, "fe80::1%eth0": false, "fd00::1": false, "fec0::1": false,
		"64:ff9b::8.8.8.8": true, "64:ff9b::10.0.0.5": false, "64:ff9b:1::8.8.8.8": false, "2002:808:808::1": false, "4000::1": false,
	} {
		require.Equal(t, want, public(netip.MustParseAddr(text)), text)
	}
}
