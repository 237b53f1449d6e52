# SPDX-License-Identifier: Apache-2.0
"""Mail through the whole program: a real SMTP server with TLS and authentication, what a message looks like, and servers that answer badly."""
import random

from files_lab import FilesLab
from lab import RECOVERED, check, main
from mail_stand_in import PASSWORD, USER, MailServer, Scripted

FAILS = '{ name = "Verify"; run = "printf \'ERROR: cannot open \\\\303\\\\251t\\\\303\\\\251.conf: No such file or directory\\\\n.\\\\n..x\\\\n\' >&2; exit 1"; retries = 0; undo = "true"; }'


def mailer(server, more="", tls="starttls", login=True, host="127.0.0.1"):
    user = f'user = "{USER}"; password = "${{env:LAB_PASSWORD}}";' if login else ""
    ca = f'ca_file = "{server.cert}";' if tls != "none" and hasattr(server, "cert") else ""
    to = "" if "recipients" in more else 'recipients = [ "devops-team@company.com", "second@example.org" ];'
    return f'notifiers = ( {{ use = "email"; host = "{host}"; port = {server.port}; tls = "{tls}"; {ca} {user} {to} from = "failback@example.com"; {more} }} );'


ENV = {"LAB_PASSWORD": PASSWORD}


def deploy(lab, release, *steps, **more):
    return lab.deploy(release, *steps, env=ENV, **more)


def statuses(lab):
    return lab.sql("select event, status, text from outbox order by id")


def an_incident_is_mailed_with_starttls_and_a_login():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        lab.configure(notifiers=mailer(server, 'on = [ "deployment.failed", "rollback.completed" ];'))
        deploy(lab, "1")
        deploy(lab, "2", FAILS, expect=RECOVERED)
        check([s[1] for s in statuses(lab)] == ["sent"] * 2, "delivered:", statuses(lab))
        check(len(server.mails) == 2 and all(m.is_encrypted for m in server.mails), "two messages, encrypted:", len(server.mails))
        first, last = server.mails
        check(first["Subject"] == last["Subject"] == "Deployment Failure - Action Required: app (production)", "the subject:", first["Subject"], last["Subject"])
        check(first["Message-ID"] != last["Message-ID"] and first["References"] == last["References"] == first["In-Reply-To"], "one thread:", first["References"])
        check("INC-" + lab.report()["execution_id"] in last["References"], "the execution's")
        check(last["From"] == "failback <failback@example.com>" and last["To"] == "devops-team@company.com, second@example.org", "from whom, to whom:", last["To"])
        check(last["Date"].datetime and last["Auto-Submitted"] == "auto-generated", "date and kind")
        check(last.get_content_type() == "multipart/alternative" and [p.get_content_type() for p in last.iter_parts()] == ["text/plain", "text/html"], "text and HTML")
        text, html = (p.get_content() for p in last.iter_parts())
        for part in (text, html):
            check("Automatic Rollback Completed" in part and "été.conf" in part and "failback show" in part, "what happened, and what next:", part)
        check("&#" not in html and "<script" not in html and "<img" not in html and "http" not in html, "the HTML loads nothing:", html)


def implicit_tls_and_each_kind_of_login_work():
    for auth in ("plain", "login", "any"):
        with FilesLab() as lab, MailServer(lab.dir, tls="tls") as server:
            lab.configure(notifiers=mailer(server, f'auth = "{auth}";', tls="tls", host="localhost"))
            deploy(lab, "1")
            check(len(server.mails) == 1 and server.logins and auth in ("any", server.logins[0].lower()), f"auth {auth}:", server.logins, statuses(lab))


def a_certificate_that_does_not_verify_is_final():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        lab.configure(notifiers=mailer(server).replace(f'ca_file = "{server.cert}";', ""))
        deploy(lab, "1")
        check(not server.mails and statuses(lab)[0][1] == "failed" and "certificate" in statuses(lab)[0][2], "nothing is sent:", statuses(lab))


def a_server_without_starttls_gets_nothing():
    with FilesLab() as lab, MailServer(lab.dir, tls="none", auth=False) as server:
        lab.configure(notifiers=mailer(server, login=False))
        deploy(lab, "1")
        check(not server.mails and not server.logins and statuses(lab)[0][1] == "failed" and "STARTTLS" in statuses(lab)[0][2], "not in the clear:", statuses(lab))


def plain_goes_to_this_machine_only():
    with FilesLab() as lab, MailServer(lab.dir, tls="none", auth=False) as server:
        lab.configure(notifiers=mailer(server, login=False, tls="none"))
        deploy(lab, "1")
        check(len(server.mails) == 1, "to this machine:", statuses(lab))
        lab.configure(notifiers=mailer(server, login=False, tls="none", host="192.0.2.1"))
        deploy(lab, "2")
        check(any("another machine" in (s[2] or "") for s in statuses(lab)), "to another it is refused:", statuses(lab))


def a_wrong_password_is_final_and_is_not_shown():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        lab.configure(notifiers=mailer(server))
        lab.deploy("1", env={"LAB_PASSWORD": "wrong-Secret-7"})
        check(statuses(lab)[0][1] == "failed" and "login" in statuses(lab)[0][2], "it is final:", statuses(lab))
        check("wrong-Secret-7" not in str(statuses(lab)) + str(lab.sql("select * from facts")), "and not shown")


def what_is_refused_for_now_is_sent_again_to_those_alone():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        tries = []
        server.refuse = {"second@example.org": lambda: tries.append(1) or ("450 busy" if len(tries) == 1 else None), "gone@example.org": "550 no such user"}
        lab.configure(notifiers=mailer(server, 'recipients = [ "devops-team@company.com", "second@example.org", "gone@example.org" ];'))
        deploy(lab, "1")
        check([m.envelope.rcpt_tos for m in server.mails] == [["devops-team@company.com"], ["second@example.org"]], "each has it once:", [m.envelope.rcpt_tos for m in server.mails])
        check(server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"], "the same message")
        check(statuses(lab)[0][1] == "sent", "delivered:", statuses(lab))
        server.refuse = {a: "550 no such user" for a in ("devops-team@company.com", "second@example.org", "gone@example.org")}
        deploy(lab, "2")
        check(statuses(lab)[-1][1] == "failed" and "no such user" in statuses(lab)[-1][2], "refused for all is final:", statuses(lab))


def answers_of_4xx_are_tried_again_and_of_5xx_are_final():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        server.data_answers = ["451 try later"]
        lab.configure(notifiers=mailer(server))
        deploy(lab, "1")
        check(len(server.mails) == 1 and statuses(lab)[0][1] == "sent", "451:", statuses(lab))
        server.data_answers = ["554 no spam here"]
        deploy(lab, "2")
        check(len(server.mails) == 1 and statuses(lab)[1][1] == "failed" and "554 no spam here" in statuses(lab)[1][2], "554:", statuses(lab))


def nothing_that_is_told_gets_into_a_header():
    with FilesLab() as lab, MailServer(lab.dir) as server:
        lab.configure(notifiers=mailer(server, 'title = "Ärger ${summary}\\r\\nBcc: thief@example.net\\r\\n\\r\\nbody";'))
        deploy(lab, "1")
        m = server.mails[0]
        check(m["Bcc"] is None and m.envelope.rcpt_tos == ["devops-team@company.com", "second@example.org"], "no header of it:", m.raw[:600])
        check(m["Subject"].startswith("Ärger ") and "Bcc: thief@example.net" in m["Subject"], "it stands in the subject:", m["Subject"])
        lab.configure(notifiers=mailer(server, 'recipients = [ "a@example.org> SIZE=1\\r\\nRCPT TO:<thief@example.net" ];'))
        deploy(lab, "2")
        check(len(server.mails) == 1 and any("no mail address" in (s[2] or "") for s in statuses(lab)), "nor into the envelope:", statuses(lab))


def servers_that_answer_anything_do_no_harm():
    draw = random.Random(20260120)

    def lines(n):
        good = [b"220 lab ESMTP\r\n", b"250-lab\r\n250 AUTH PLAIN LOGIN\r\n", b"235 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 kept\r\n", b"221 bye\r\n"]
        out = []
        for line in good[:draw.randrange(1, len(good) + 1)]:
            how = draw.randrange(8)
            if how == 0:
                line = bytes(draw.randrange(256) for _ in range(draw.randrange(1, 3000)))
            elif how == 1:
                line = line[:draw.randrange(len(line))] or b"\x00"
            elif how == 2:
                line = b"%d %s\r\n" % (draw.randrange(100, 1000), b"x" * draw.randrange(2000))
            elif how == 3:
                line = line.replace(b" ", b"-", 1) * draw.randrange(1, 50) + line
            out.append(line)
        return out

    with FilesLab() as lab, Scripted(lines) as server:
        lab.configure(notifiers=mailer(server, 'on = [ "*" ]; timeout = "3s"; retries = 20;', tls="none"), more='notify_timeout = "6s";')
        for release in "12":
            deploy(lab, release)
        found = statuses(lab)
        check(server.count >= 2, "there were answers:", server.count)
        check(not any("signal" in (s[2] or "") for s in found), "the plugin lives through it:", found)


main(an_incident_is_mailed_with_starttls_and_a_login, implicit_tls_and_each_kind_of_login_work, a_certificate_that_does_not_verify_is_final, a_server_without_starttls_gets_nothing,
     plain_goes_to_this_machine_only, a_wrong_password_is_final_and_is_not_shown, what_is_refused_for_now_is_sent_again_to_those_alone,
     answers_of_4xx_are_tried_again_and_of_5xx_are_final, nothing_that_is_told_gets_into_a_header, servers_that_answer_anything_do_no_harm)
