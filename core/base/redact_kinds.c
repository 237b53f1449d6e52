/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kinds of secrets. An anchor that is made of common letters alone needs a boundary, a long run or digits after it: a hash of a commit, a digest,
 * a UUID and prose must stay readable. Knows no machine: redact_scan.c reads by it.
 */
#include "base/redact_kinds.h"

#include <stdbool.h>
#include <string.h>

enum { RUN = FB_SECRET_RUN, VALUE = FB_SECRET_VALUE, URL = FB_SECRET_URL, PEM = FB_SECRET_PEM, JWT = FB_SECRET_JWT, USER = FB_SECRET_USER, WORD = FB_SECRET_WORD,
       PGPASS = FB_SECRET_PGPASS, MARK = FB_SECRET_MARK, NOT = FB_SECRET_NOT };
enum { BOUND = FB_SECRET_BOUND, EXACT = FB_SECRET_EXACT, DIGITS = FB_SECRET_DIGITS, ANYCASE = FB_SECRET_ANYCASE, NUMBER = FB_SECRET_NUMBER, WEAK = FB_SECRET_WEAK,
       QUOTED = FB_SECRET_QUOTED, SCHEME = FB_SECRET_SCHEME, COOKIE = FB_SECRET_COOKIE, SUFFIX = FB_SECRET_SUFFIX, OPTION = FB_SECRET_OPTION, PATHS = FB_SECRET_PATHS,
       CURL = FB_SECRET_CURL, MYSQL = FB_SECRET_MYSQL, REDIS = FB_SECRET_REDIS, LOGIN = FB_SECRET_LOGIN };
enum { UPPER = FB_SET_UPPER, LOWER = FB_SET_LOWER, DIGIT = FB_SET_DIGIT, HEX = FB_SET_HEX, UNDER = FB_SET_UNDER, DASH = FB_SET_DASH, DOT = FB_SET_DOT, SLASH = FB_SET_SLASH,
       PLUS = FB_SET_PLUS, EQUAL = FB_SET_EQUAL, PERCENT = FB_SET_PERCENT, TILDE = FB_SET_TILDE, DOLLAR = FB_SET_DOLLAR, AT = FB_SET_AT, ALNUM = FB_SET_ALNUM,
       URL64 = FB_SET_URL64, BASE64 = FB_SET_BASE64 };

const struct fb_secret_kind fb_secret_kinds[] = {
	/* Clouds */
	{"AWS access key", "AKIA", RUN, UPPER | DIGIT, 16, 16, BOUND | EXACT},
	{"AWS access key", "ASIA", RUN, UPPER | DIGIT, 16, 16, BOUND | EXACT},
	{"AWS access key", "ABIA", RUN, UPPER | DIGIT, 16, 16, BOUND | EXACT},
	{"AWS access key", "ACCA", RUN, UPPER | DIGIT, 16, 16, BOUND | EXACT},
	{"Google API key", "AIza", RUN, URL64, 30, 0, BOUND},
	{"Google OAuth access token", "ya29.", RUN, URL64, 20, 0, BOUND},
	{"Google OAuth client secret", "GOCSPX-", RUN, URL64, 20, 0, BOUND},
	{"Google OAuth refresh token", "1//0", RUN, URL64, 28, 0, BOUND},
	{"Azure signature", "sig=", RUN, ALNUM | PERCENT | PLUS | SLASH | EQUAL | UNDER | DASH, 20, 0, BOUND | DIGITS},
	{"Azure client secret", "Q~", RUN, URL64 | DOT | TILDE, 30, 0, 0},
	{"DigitalOcean token", "dop_v1_", RUN, HEX, 32, 0, BOUND},
	{"DigitalOcean token", "doo_v1_", RUN, HEX, 32, 0, BOUND},
	{"DigitalOcean token", "dor_v1_", RUN, HEX, 32, 0, BOUND},
	{"Databricks token", "dapi", RUN, HEX, 32, 0, BOUND},
	{"Alibaba access key", "LTAI", RUN, ALNUM, 16, 24, BOUND | EXACT},
	{"Tencent secret id", "AKID", RUN, ALNUM, 32, 0, BOUND},
	{"Yandex token", "t1.9eu", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Yandex token", "AQVN", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Fly token", "fo1_", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Fly token", "fm1_", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Fly token", "fm2_", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Fly token", "fm1a_", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Fly token", "fm1r_", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Fly token", "FlyV1 fm", RUN, URL64 | SLASH | PLUS | EQUAL, 20, 0, BOUND},
	{"Heroku token", "HRKU-", RUN, URL64, 20, 0, BOUND},
	{"Netlify token", "nfp_", RUN, ALNUM, 20, 0, BOUND},
	{"Supabase token", "sbp_", RUN, URL64, 20, 0, BOUND},
	{"Supabase token", "sb_secret_", RUN, URL64, 20, 0, BOUND},
	{"PlanetScale secret", "pscale_tkn_", RUN, URL64 | DOT | EQUAL, 20, 0, BOUND},
	{"PlanetScale secret", "pscale_pw_", RUN, URL64 | DOT | EQUAL, 20, 0, BOUND},
	{"PlanetScale secret", "pscale_oauth_", RUN, URL64 | DOT | EQUAL, 20, 0, BOUND},
	{"MongoDB Atlas secret", "mdb_sa_sk_", RUN, URL64, 20, 0, BOUND},
	{"Tailscale key", "tskey-", RUN, URL64, 12, 0, BOUND},
	{"Doppler token", "dp.pt.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Doppler token", "dp.st.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Doppler token", "dp.ct.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Doppler token", "dp.sa.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Doppler token", "dp.scim.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"Doppler token", "dp.audit.", RUN, URL64 | DOT, 20, 0, BOUND},
	{"HashiCorp Vault token", "hvs.", RUN, URL64, 20, 0, BOUND},
	{"HashiCorp Vault token", "hvb.", RUN, URL64, 20, 0, BOUND},
	{"HashiCorp Vault token", "hvr.", RUN, URL64, 20, 0, BOUND},
	{"Terraform Cloud token", ".atlasv1.", RUN, URL64, 30, 0, 0},
	{"Pulumi token", "pul-", RUN, HEX, 40, 0, BOUND},
	{"Scalingo or Prefect token", "tk-us-", RUN, URL64, 30, 0, BOUND},
	{"Scalingo or Prefect token", "pnu_", RUN, URL64, 30, 0, BOUND},
	{"1Password service account", "ops_eyJ", RUN, URL64 | EQUAL, 20, 0, BOUND},
	/* Code, packages, pipelines */
	{"GitHub token", "ghp_", RUN, ALNUM, 30, 0, BOUND},
	{"GitHub token", "gho_", RUN, ALNUM, 30, 0, BOUND},
	{"GitHub token", "ghu_", RUN, ALNUM, 30, 0, BOUND},
	{"GitHub token", "ghs_", RUN, ALNUM, 30, 0, BOUND},
	{"GitHub token", "ghr_", RUN, ALNUM, 30, 0, BOUND},
	{"GitHub fine-grained token", "github_pat_", RUN, ALNUM | UNDER, 30, 0, BOUND},
	{"GitLab token", "glpat-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "gldt-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glrt-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glcbt-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glptt-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glft-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glsoat-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glagent-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glimt-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "gloas-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"GitLab token", "glffct-", RUN, URL64 | DOT, 20, 0, BOUND},
	{"npm token", "npm_", RUN, ALNUM, 30, 0, BOUND},
	{"PyPI token", "pypi-", RUN, URL64, 40, 0, BOUND},
	{"RubyGems token", "rubygems_", RUN, HEX, 32, 0, BOUND},
	{"Docker token", "dckr_pat_", RUN, URL64, 20, 0, BOUND},
	{"Docker token", "dckr_oat_", RUN, URL64, 20, 0, BOUND},
	{"NuGet key", "oy2", RUN, LOWER | DIGIT, 43, 43, BOUND | EXACT},
	{"Clojars token", "CLOJARS_", RUN, LOWER | DIGIT, 40, 0, BOUND},
	{"crates.io token", "cio", RUN, ALNUM, 32, 32, BOUND | EXACT},
	{"Artifactory key", "AKCp", RUN, ALNUM, 40, 0, BOUND},
	{"Artifactory key", "cmVmdGtuOj", RUN, ALNUM, 40, 0, BOUND},
	{"Buildkite token", "bkua_", RUN, ALNUM, 30, 0, BOUND},
	{"Buildkite token", "bkct_", RUN, ALNUM, 30, 0, BOUND},
	{"CircleCI token", "CCIPAT_", RUN, URL64, 30, 0, BOUND},
	{"CircleCI token", "CCIPRJ_", RUN, URL64, 30, 0, BOUND},
	{"Bitbucket token", "ATBB", RUN, URL64 | EQUAL, 20, 0, BOUND | DIGITS},
	{"Bitbucket token", "ATCTT3", RUN, URL64 | EQUAL, 20, 0, BOUND | DIGITS},
	{"Atlassian token", "ATATT3", RUN, URL64 | EQUAL, 40, 0, BOUND},
	{"Sonar token", "sqp_", RUN, HEX, 40, 0, BOUND},
	{"Sonar token", "squ_", RUN, HEX, 40, 0, BOUND},
	{"Sonar token", "sqa_", RUN, HEX, 40, 0, BOUND},
	{"Postman key", "PMAK-", RUN, URL64, 30, 0, BOUND},
	/* Word to people */
	{"Slack token", "xoxb-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxp-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxa-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxr-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxs-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxo-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxe-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xoxe.xoxp-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack token", "xapp-", RUN, ALNUM | DASH, 10, 0, BOUND},
	{"Slack webhook", "hooks.slack.com/services/", RUN, URL64 | SLASH, 12, 0, 0},
	{"Slack webhook", "hooks.slack.com/workflows/", RUN, URL64 | SLASH, 12, 0, 0},
	{"Slack webhook", "hooks.slack.com/triggers/", RUN, URL64 | SLASH, 12, 0, 0},
	{"Discord webhook", "discord.com/api/webhooks/", RUN, URL64 | SLASH, 20, 0, 0},
	{"Discord webhook", "discordapp.com/api/webhooks/", RUN, URL64 | SLASH, 20, 0, 0},
	{"Teams webhook", "webhook.office.com/webhookb2/", RUN, URL64 | SLASH | AT, 20, 0, 0},
	{"Teams webhook", "outlook.office.com/webhook/", RUN, URL64 | SLASH | AT, 20, 0, 0},
	{"Telegram bot token", ":AA", RUN, URL64, 30, 0, NUMBER},
	{"Twilio key", "SK", RUN, HEX, 32, 32, BOUND | EXACT},
	{"SendGrid key", "SG.", RUN, URL64 | DOT, 40, 0, BOUND},
	{"Mailgun key", "key-", RUN, LOWER | DIGIT, 32, 32, BOUND | EXACT},
	{"Mailchimp or Sendinblue key", "xkeysib-", RUN, URL64, 30, 0, BOUND},
	/* Watching */
	{"New Relic key", "NRAK-", RUN, URL64, 18, 0, BOUND},
	{"New Relic key", "NRJS-", RUN, URL64, 18, 0, BOUND},
	{"New Relic key", "NRII-", RUN, URL64, 18, 0, BOUND},
	{"New Relic key", "NRIQ-", RUN, URL64, 18, 0, BOUND},
	{"New Relic key", "NRRA-", RUN, URL64, 18, 0, BOUND},
	{"New Relic key", "NRAL-", RUN, URL64, 18, 0, BOUND},
	{"Sentry token", "sntrys_", RUN, BASE64 | UNDER | DASH, 30, 0, BOUND},
	{"Sentry token", "sntryu_", RUN, BASE64 | UNDER | DASH, 30, 0, BOUND},
	{"Grafana token", "glc_", RUN, BASE64 | UNDER, 24, 0, BOUND},
	{"Grafana token", "glsa_", RUN, BASE64 | UNDER, 24, 0, BOUND},
	{"Dynatrace token", "dt0c01.", RUN, ALNUM | DOT, 30, 0, BOUND},
	{"Dynatrace token", "dt0s01.", RUN, ALNUM | DOT, 30, 0, BOUND},
	/* Models */
	{"Anthropic key", "sk-ant-", RUN, URL64, 20, 0, BOUND},
	{"OpenAI key", "sk-", RUN, URL64, 20, 0, BOUND | DIGITS},
	{"OpenAI key", "sk-proj-", RUN, URL64, 20, 0, BOUND | DIGITS},
	{"OpenAI key", "sk-svcacct-", RUN, URL64, 20, 0, BOUND | DIGITS},
	{"OpenAI key", "sk-admin-", RUN, URL64, 20, 0, BOUND | DIGITS},
	{"OpenAI key", "sk-or-v1-", RUN, URL64, 20, 0, BOUND | DIGITS},
	{"Hugging Face token", "hf_", RUN, ALNUM, 24, 0, BOUND},
	{"Hugging Face token", "api_org_", RUN, ALNUM, 24, 0, BOUND},
	{"Groq key", "gsk_", RUN, ALNUM, 30, 0, BOUND},
	{"Perplexity key", "pplx-", RUN, ALNUM, 30, 0, BOUND},
	{"Replicate token", "r8_", RUN, ALNUM, 30, 0, BOUND},
	{"LangSmith key", "lsv2_pt_", RUN, ALNUM | UNDER, 30, 0, BOUND},
	{"LangSmith key", "lsv2_sk_", RUN, ALNUM | UNDER, 30, 0, BOUND},
	/* Money, work */
	{"Stripe key", "sk_live_", RUN, ALNUM, 16, 0, BOUND},
	{"Stripe key", "sk_test_", RUN, ALNUM, 16, 0, BOUND},
	{"Stripe key", "rk_live_", RUN, ALNUM, 16, 0, BOUND},
	{"Stripe key", "rk_test_", RUN, ALNUM, 16, 0, BOUND},
	{"Stripe webhook secret", "whsec_", RUN, BASE64, 20, 0, BOUND},
	{"Square token", "sq0atp-", RUN, URL64, 20, 0, BOUND},
	{"Square token", "sq0csp-", RUN, URL64, 20, 0, BOUND},
	{"Square token", "sq0idp-", RUN, URL64, 20, 0, BOUND},
	{"Square access token", "EAAA", RUN, URL64, 56, 0, BOUND | DIGITS},
	{"Shopify token", "shpat_", RUN, ALNUM, 30, 0, BOUND},
	{"Shopify token", "shpca_", RUN, ALNUM, 30, 0, BOUND},
	{"Shopify token", "shppa_", RUN, ALNUM, 30, 0, BOUND},
	{"Shopify token", "shpss_", RUN, ALNUM, 30, 0, BOUND},
	{"EasyPost key", "EZAK", RUN, ALNUM, 50, 0, BOUND},
	{"EasyPost key", "EZTK", RUN, ALNUM, 50, 0, BOUND},
	{"Shippo token", "shippo_live_", RUN, HEX, 40, 0, BOUND},
	{"Shippo token", "shippo_test_", RUN, HEX, 40, 0, BOUND},
	{"Linear key", "lin_api_", RUN, ALNUM, 30, 0, BOUND},
	{"Linear key", "lin_oauth_", RUN, ALNUM, 30, 0, BOUND},
	{"Notion token", "secret_", RUN, ALNUM, 40, 0, BOUND | DIGITS},
	{"Notion token", "ntn_", RUN, ALNUM, 40, 0, BOUND | DIGITS},
	{"Figma token", "figd_", RUN, URL64, 30, 0, BOUND},
	{"Figma token", "figo_", RUN, URL64, 30, 0, BOUND},
	{"Contentful token", "CFPAT-", RUN, URL64, 40, 0, BOUND},
	{"Typeform token", "tfp_", RUN, URL64 | DOT, 40, 0, BOUND},
	{"ReadMe key", "rdme_", RUN, LOWER | DIGIT, 60, 0, BOUND},
	{"Adafruit key", "aio_", RUN, ALNUM, 26, 0, BOUND},
	/* Keys and hashes */
	{"age secret key", "AGE-SECRET-KEY-1", RUN, UPPER | DIGIT, 40, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBQUk", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBSU0EgU", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBSU0EgUF", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBFQyBQ", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBPUEVOU1", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBEU0", RUN, BASE64, 20, 0, 0},
	{"Private key in base64", "LS0tLS1CRUdJTiBFTkNSWVBU", RUN, BASE64, 20, 0, 0},
	{"Docker credentials in base64", "eyJhdXRocyI6", RUN, BASE64, 20, 0, BOUND},
	{"Password hash", "$apr1$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$2a$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$2b$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$2y$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$1$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$5$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$6$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$y$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$7$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL, 20, 0, DIGITS},
	{"Password hash", "$argon2id$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "$argon2i$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "$scrypt$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "pbkdf2_sha256$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "SCRAM-SHA-256$", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "{SSHA}", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "{SHA}", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"Password hash", "{SSHA512}", RUN, ALNUM | DOT | SLASH | DOLLAR | EQUAL | PLUS | DASH, 20, 0, 0},
	{"PEM private key", "-----BEGIN ", PEM, 0, 1, 0, 0},
	{"JWT", "eyJ", JWT, 0, 1, 0, BOUND},
	/* HTTP */
	{"Bearer token", "Bearer ", RUN, URL64 | DOT | TILDE | PLUS | SLASH | EQUAL, 12, 0, ANYCASE | DIGITS},
	{"Basic authentication", "Basic ", RUN, BASE64, 12, 0, ANYCASE | DIGITS | BOUND},
	{"Authorization header", "authorization", VALUE, 0, 8, 0, WEAK | SCHEME},
	{"Cookie", "cookie", VALUE, 0, 8, 0, COOKIE},
	{"Session", "session_id", VALUE, 0, 6, 0, WEAK},
	{"Session", "sessionid", VALUE, 0, 6, 0, WEAK},
	{"Session", "session-id", VALUE, 0, 6, 0, WEAK},
	{"Session", "jsessionid", VALUE, 0, 6, 0, WEAK},
	{"Session", "phpsessid", VALUE, 0, 6, 0, WEAK},
	{"Session", "connect.sid", VALUE, 0, 6, 0, WEAK},
	{"Session", "sessid", VALUE, 0, 6, 0, WEAK},
	{"Session", "session", VALUE, 0, 16, 0, WEAK},
	{"URL with a password", "://", URL, 0, 1, 0, 0},
	/* Key and value */
	{"Password", "password", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "passwd", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "passphrase", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "_pass", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "-pass", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "dbpass", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "userpass", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "passwort", VALUE, 0, 3, 0, OPTION | PATHS},
	{"Password", "pwd", VALUE, 0, 3, 0, PATHS},
	{"API key", "api_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "apikey", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "api-key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "routing_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "integration_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "license_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "service_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "x-api-key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "subscription-key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "app_key", VALUE, 0, 6, 0, OPTION | PATHS},
	{"API key", "appkey", VALUE, 0, 6, 0, OPTION | PATHS},
	{"Secret", "client_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "clientsecret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "client-secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "secret_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "secretkey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "secret-key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "secret_access_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "secretaccesskey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "app_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "signing_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "webhook_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "shared_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "signing_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "encryption_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "master_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "storage_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "account_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "accountkey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "sharedaccesskey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "access_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "accesskey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "access-key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "private_key", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "privatekey", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "client-key-data", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "key_base", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Secret", "dsn_secret", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "access_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "accesstoken", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "access-token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "auth_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "authtoken", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "auth-token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "refresh_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "bot_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "session_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "secret_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "vault_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "private-token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "_auth", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "api_token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "apitoken", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "api-token", VALUE, 0, 4, 0, OPTION | PATHS},
	{"Token", "token", VALUE, 0, 4, 0, WEAK | OPTION | PATHS},
	{"Token", "tf_token_", VALUE, 0, 4, 0, SUFFIX},
	{"Secret", "secret", VALUE, 0, 4, 0, WEAK | PATHS},
	{"Secret", "credential", VALUE, 0, 4, 0, WEAK | PATHS},
	{"Secret", "credentials", VALUE, 0, 4, 0, WEAK | PATHS},
	{"Docker authentication", "auth", VALUE, 0, 8, 0, QUOTED | WEAK | BOUND},
	{"Signature", "x-amz-signature", VALUE, 0, 16, 0, 0},
	{"Connection string", "connectionstring", VALUE, 0, 8, 0, QUOTED},
	{"Connection string", "connection_string", VALUE, 0, 8, 0, QUOTED},
	{"No secret", "unexpected token", NOT, 0, 1, 0, 0},
	{"No secret", "invalid token", NOT, 0, 1, 0, 0},
	{"No secret", "illegal token", NOT, 0, 1, 0, 0},
	{"No secret", "unknown token", NOT, 0, 1, 0, 0},
	{"No secret", "unrecognized token", NOT, 0, 1, 0, 0},
	{"No secret", "bad token", NOT, 0, 1, 0, 0},
	{"No secret", "pad_token", NOT, 0, 1, 0, 0},
	{"No secret", "eos_token", NOT, 0, 1, 0, 0},
	/* Commands and files of people */
	{"Mark", "curl ", MARK, 0, 1, 0, CURL},
	{"Mark", "mysql", MARK, 0, 1, 0, MYSQL},
	{"Mark", "mariadb", MARK, 0, 1, 0, MYSQL},
	{"Mark", "redis-cli ", MARK, 0, 1, 0, REDIS},
	{"Mark", "login ", MARK, 0, 1, 0, LOGIN},
	{"curl user", " -u ", USER, 0, 1, 0, CURL},
	{"curl user", " --user ", USER, 0, 1, 0, CURL},
	{"curl user", " -U ", USER, 0, 1, 0, CURL},
	{"curl user", " --proxy-user ", USER, 0, 1, 0, CURL},
	{"MySQL password", " -p", WORD, 0, 1, 0, MYSQL},
	{"Redis password", " -a ", WORD, 0, 1, 0, REDIS},
	{"sshpass password", "sshpass -p ", WORD, 0, 1, 0, 0},
	{"sshpass password", "sshpass -p", WORD, 0, 1, 0, 0},
	{"Redis password", "requirepass ", WORD, 0, 4, 0, 0},
	{"Redis password", "masterauth ", WORD, 0, 4, 0, 0},
	{".pgpass", ":5432:", PGPASS, 0, 1, 0, 0},
};
const size_t fb_secret_kind_count = sizeof fb_secret_kinds / sizeof *fb_secret_kinds;

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_of(uint32_t set, char c)
{
	static const struct { char c; uint32_t set; } one[] = {{'_', UNDER}, {'-', DASH}, {'.', DOT}, {'/', SLASH}, {'+', PLUS}, {'=', EQUAL}, {'%', PERCENT}, {'~', TILDE},
		{'$', DOLLAR}, {'@', AT}};

	for (size_t i = 0; i < sizeof one / sizeof *one; i++)
		if (one[i].c == c)
			return set & one[i].set;
	return (c >= 'a' && c <= 'z' && (set & (LOWER | (c <= 'f' ? HEX : 0)))) || (c >= 'A' && c <= 'Z' && (set & UPPER)) || (c >= '0' && c <= '9' && (set & (DIGIT | HEX)));
}

/* Is what follows the anchor at p a run of this kind? */
static bool runs(const struct fb_secret_kind *k, const char *text, const char *p)
{
	bool digit = false;
	size_t n = 0;

	if ((k->flags & BOUND) && p > text && is_word(p[-1]))
		return false;
	for (p += strlen(k->anchor); is_of(k->set, p[n]); n++)
		digit |= p[n] >= '0' && p[n] <= '9';
	return n >= k->min && (digit || !(k->flags & DIGITS)) && (!(k->flags & EXACT) || (n <= k->max && !is_word(p[n])));
}

static bool stands_in(const struct fb_secret_kind *k, const char *text)
{
	const char *p = text;

	if (k->form == PEM)
		return (p = strstr(text, k->anchor)) && strstr(p, "PRIVATE KEY");
	if (k->form == JWT)
		return (p = strstr(text, k->anchor)) && strstr(p, ".eyJ");
	if (k->form != RUN || (k->flags & (ANYCASE | NUMBER)))
		return false;
	while ((p = strstr(p, k->anchor))) {
		if (runs(k, text, p))
			return true;
		p++;
	}
	return false;
}

const char *fb_secret_kind_of(const char *text)
{
	for (const struct fb_secret_kind *k = fb_secret_kinds; k < fb_secret_kinds + fb_secret_kind_count; k++)
		if (stands_in(k, text))
			return k->name;
	return NULL;
}
