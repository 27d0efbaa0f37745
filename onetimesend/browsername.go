package onetimesend

import "strings"

// BrowserName says in a few fixed words what a User-Agent header stands for, such as "Firefox on Windows", so that nothing
// that the client chose reaches a mail. It is empty where it does not know.
func BrowserName(userAgent string) string {
	first := func(pairs ...[2]string) string {
		for _, pair := range pairs {
			if strings.Contains(userAgent, pair[0]) {
				return pair[1]
			}
		}
		return ""
	}
	// The order counts: Edge says that it is Chrome, and Chrome that it is Safari.
	browser := first([2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"SamsungBrowser/", "Samsung Internet"},
		[2]string{"Firefox/", "Firefox"}, [2]string{"FxiOS/", "Firefox"}, [2]string{"CriOS/", "Chrome"}, [2]string{"Chrome/", "Chrome"},
		[2]string{"Safari/", "Safari"})
	system := first([2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Android", "Android"}, [2]string{"Windows", "Windows"},
		[2]string{"Mac OS X", "macOS"}, [2]string{"CrOS", "ChromeOS"}, [2]string{"Linux", "Linux"})
	switch {
	case browser == "" || system == "":
		return browser + system
	}
	return browser + " on " + system
}
