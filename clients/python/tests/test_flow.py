"""The whole flow with the server itself."""

import unittest
from datetime import timezone
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

from fixture import STARTING_KEY, Served
from onetimed import Client, Onetime, RefusedError


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06}"


class TestFlow(Served):
    def refuses(self, code: str, status: int, call: Callable[..., object], /, *args: Any, **named: Any) -> RefusedError:
        with self.assertRaises(RefusedError) as raised:
            call(*args, **named)
        error = raised.exception
        self.assertEqual((error.code, error.status), (code, status))
        self.assertRegex(error.request_id or "", r"^[A-Za-z0-9._-]+$")
        return error

    def test_a_code_is_sent_resent_checked_once_given_back_and_checked_again(self) -> None:
        onetime = self.onetime
        first = onetime.start("login", "flow@example.com", locale="de", payload="basket 7")
        self.assertEqual((first.delivery.channel, first.delivery.state), ("mail", "queued"))
        self.assertGreater(first.expires_in, 0)
        self.message("flow@example.com")
        self.assertEqual(onetime.status(first.id).state, "pending")
        again = onetime.resend(first.id, payload="basket 8")
        code = self.message("flow@example.com")["code"]
        self.refuses("not_found", 404, onetime.check, first.id, code)
        self.assertEqual(self.refuses("code_mismatch", 422, onetime.check, again.id, wrong(code)).attempts_left, 3)
        proof = onetime.check(again.id, code)
        self.assertEqual((proof.subject, proof.payload), ("flow@example.com", "basket 8"))
        self.assertEqual(proof.issued_at.tzinfo, timezone.utc)
        self.assertEqual(onetime.status(again.id).state, "used")
        self.refuses("used", 409, onetime.check, again.id, code)
        assert proof.undo is not None
        onetime.undo(proof.undo)
        self.assertEqual(onetime.check(again.id, code).subject, "flow@example.com")

    def test_the_token_of_a_link_is_inspected_then_checked(self) -> None:
        self.onetime.start("login", "link@example.com", kind="link")
        url: str = self.message("link@example.com")["url"]
        token = parse_qs(urlsplit(url).query)["token"][0]
        self.assertEqual(self.onetime.inspect("login", token).subject, "link@example.com")
        self.refuses("subject_mismatch", 422, self.onetime.check_service, "login", token=token, subject="eve@example.com")
        self.assertEqual(self.onetime.check_service("login", token=token).kind, "token")
        self.refuses("used", 409, self.onetime.inspect, "login", token)

    def test_a_code_is_checked_by_subject_request_and_binding(self) -> None:
        subject, request, binding = "bound@example.com", "a request of 16 or more", "the session of a browser"
        self.onetime.start("login", subject, request=request, binding=binding)
        code = self.message(subject)["code"]
        check = self.onetime.check_service
        self.refuses("not_found", 404, check, "login", subject=subject, code=code, request=request, binding="that of another browser")
        self.assertEqual(check("login", subject=subject, code=code, request=request, binding=binding).subject, subject)
        started = self.onetime.start("login", subject, binding=binding)
        code = self.message(subject)["code"]
        self.refuses("binding_mismatch", 422, self.onetime.check, started.id, code)
        self.onetime.check(started.id, code, binding=binding)

    def test_what_makes_a_browser_known_is_carried_from_one_sign_in_to_the_next(self) -> None:
        subject, browser = "known@example.com", ""
        for _ in range(2):
            started = self.onetime.start("login", subject, client=Client(known_browser=browser))
            proof = self.onetime.check(started.id, self.message(subject)["code"])
            browser = proof.known_browser or ""
            self.assertRegex(browser, r"^[A-Za-z0-9_-]{28}$")
            self.assertNotIn(browser, repr(proof))
        binding = "the session of a browser"
        self.onetime.start("login", subject, request="a request of 16 or more", binding=binding, client=Client(known_browser=browser))
        code = self.message(subject)["code"]
        check = self.onetime.check_service
        request = "a request of 16 or more"
        self.refuses("invalid", 422, check, "login", subject=subject, code=code, request=request, known_browser=browser)
        proof = check("login", subject=subject, code=code, request=request, binding=binding, known_browser=browser, known_since=1)
        self.assertEqual(proof.subject, subject)

    def test_the_channel_none_gives_the_secrets_to_the_caller(self) -> None:
        both = self.onetime.start("login", "account-1", channel="none", kind="both")
        assert both.code is not None and both.url is not None and both.token is not None
        self.assertTrue(both.url.startswith("https://example.com/link?"))
        for secret in (both.id, both.code, both.url, both.token):
            self.assertNotIn(secret, repr(both))
        self.assertEqual(self.onetime.check(both.id, both.code).kind, "otp")
        token = self.onetime.start("login", "account-2", channel="none", kind="token").token
        assert token is not None
        self.assertEqual(self.onetime.check_service("login", token=token).subject, "account-2")

    def test_a_decoy_is_answered_alike_and_verifies_never(self) -> None:
        real = self.onetime.start("login", "real@example.com")
        decoy = self.onetime.start("login", "nobody@example.com", decoy=True)
        self.assertEqual(decoy.delivery, real.delivery)
        self.assertEqual(self.refuses("code_mismatch", 422, self.onetime.check, decoy.id, "000000").attempts_left, 4)

    def test_what_is_cancelled_verifies_no_more(self) -> None:
        started = self.onetime.start("login", "account-3", channel="none")
        self.onetime.cancel(started.id)
        self.onetime.cancel(started.id)
        self.refuses("not_found", 404, self.onetime.check, started.id, started.code)

    def test_an_access_token_is_introspected_and_there_is_no_undo_beside_it(self) -> None:
        started = self.onetime.start("orders", "account-4", channel="none")
        assert started.code is not None
        proof = self.onetime.check(started.id, started.code)
        self.assertIsNone(proof.undo)
        assert proof.access_token is not None
        said = self.onetime.introspect(proof.access_token)
        self.assertEqual((said.active, said.sub, said.aud), (True, "account-4", "shop"))
        self.assertFalse(self.onetime.introspect(proof.access_token[:-9] + "AAAAAAAAA").active)

    def test_one_idempotency_key_makes_one_of_two_starts_and_of_two_checks(self) -> None:
        key = "the-key-of-one-request"
        first = self.onetime.start("login", "again@example.com", idempotency_key=key)
        second = self.onetime.start("login", "again@example.com", idempotency_key=key)
        self.assertEqual((first.repeated, second.repeated), (False, True))
        code = self.message("again@example.com")["code"]
        self.assertFalse(self.onetime.check(first.id, code, idempotency_key=key).repeated)
        self.assertTrue(self.onetime.check(first.id, code, idempotency_key=key).repeated)
        self.refuses("used", 409, self.onetime.check, first.id, code)  # each call has a key of its own

    def test_limits_and_exhaustion_tell_how_long_and_how_often(self) -> None:
        started = self.onetime.start("strict", "strict@example.com")
        code = self.message("strict@example.com")["code"]
        throttled = self.refuses("sends_throttled", 429, self.onetime.start, "strict", "strict@example.com")
        assert throttled.retry_after is not None
        self.assertTrue(500 < throttled.retry_after <= 600)
        for left in (1, 0):
            self.assertEqual(self.refuses("code_mismatch", 422, self.onetime.check, started.id, wrong(code, 1 + left)).attempts_left, left)
        self.refuses("attempts_exhausted", 410, self.onetime.check, started.id, code)

    def test_support_sees_explains_unlocks_revokes_and_erases(self) -> None:
        subject, admin = "helped@example.com", self.onetime.admin
        started = self.onetime.start("login", subject, channel="none")
        assert started.code is not None
        self.refuses("code_mismatch", 422, self.onetime.check, started.id, wrong(started.code))
        known = admin.status("login", subject)
        self.assertEqual((known.strangers.failures, len(known.pending), known.pending[0].code), (1, 1, True))
        self.assertTrue(admin.explain("login", subject).sentence.endswith("."))
        admin.unlock("login", subject)
        self.assertEqual(admin.status("login", subject).strangers.failures, 0)
        admin.revoke("login", subject)
        self.refuses("not_found", 404, self.onetime.check, started.id, started.code)
        admin.erase("login", subject)

    def test_a_wrong_key_a_missing_scope_and_a_bad_member_are_refused_and_say_which(self) -> None:
        self.refuses("unauthorized", 401, Onetime(self.url, "a-key-that-no-caller-has").status, "id")
        starter = Onetime(self.url, STARTING_KEY)
        started = starter.start("login", "starter@example.com")
        self.refuses("forbidden", 403, starter.check, started.id, "123456")
        self.refuses("forbidden", 403, starter.admin.status, "login", "ann")
        invalid = self.refuses("invalid", 422, self.onetime.start, "login", "")
        self.assertEqual(invalid.flaws[0].pointer, "#/subject")
        self.assertTrue(str(invalid).startswith("onetimed: start: invalid; #/subject: "))


if __name__ == "__main__":
    unittest.main()
