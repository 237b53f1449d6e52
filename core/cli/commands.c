/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table of commands and options. What is not in here does not exist: parsing, --help and completion read nothing else. */
#include "cli/cli.h"

const struct fb_option_def fb_global_options[] = {
	{"config", 'c', "FILE", false, "read this configuration instead of /etc/failback/failback.conf"},
	{"environment", 'e', "NAME", false, "work in this environment"},
	{"state-dir", 0, "DIR", false, "keep the journal and archives here"},
	{"runtime-dir", 0, "DIR", false, "keep sockets here"},
	{"plugin-dir", 0, "DIR", false, "look for plugins here first; may be given more than once"},
	{"json", 0, NULL, false, "one JSON document on standard output, all else on standard error"},
	{"dry-run", 0, NULL, false, "say what would be done, change nothing"},
	{"verbose", 'v', NULL, false, "say more"},
	{"help", 'h', NULL, false, "show help and exit"},
	{"version", 'V', NULL, false, "show the version and exit"},
	{0},
};

static const struct fb_option_def deploy_options[] = {
	{"release", 0, "RELEASE", false, "deploy this release instead of the plan's"},
	{"deployment-id", 0, "ID", false, "record this id of the caller's (a pipeline's run, a ticket)"},
	{"approve", 0, NULL, false, "approve the plan's risky steps now, in your name"},
	{0},
};
static const struct fb_option_def notify_test_options[] = {
	{"event", 0, "EVENT", false, "the event that is told of; rollback.completed when not given"},
	{"send", 0, NULL, false, "send it, too"},
	{0},
};
static const struct fb_option_def rollback_options[] = {
	{"to", 0, "RELEASE", true, "go back to this release; without a value, list the last five and exit"},
	{"reason", 0, "TEXT", false, "why; kept in the journal and told to people"},
	{0},
};
static const struct fb_option_def stop_options[] = {
	{"force", 0, NULL, false, "stop at once, also in a recovery; what was changed stays as it is"},
	{0},
};
static const struct fb_option_def history_options[] = {
	{"limit", 'n', "N", false, "show at most so many (20)"},
	{"service", 's', "NAME", false, "only executions that involve this service"},
	{"since", 0, "WHEN", false, "only those since a date (2026-01-20) or for a time back (12h, 7d)"},
	{0},
};
static const struct fb_option_def stats_options[] = {
	{"since", 0, "WHEN", false, "only executions since a date (2026-01-20) or for a time back (12h, 7d)"},
	{0},
};
static const struct fb_option_def report_options[] = {
	{"format", 'f', "FORMAT", false, "text, json, markdown, html or junit (text)"},
	{0},
};
static const struct fb_option_def reject_options[] = {
	{"reason", 0, "TEXT", false, "why; kept in the journal"},
	{0},
};
static const struct fb_option_def audit_options[] = {
	{"head", 0, "HASH", false, "a head that was printed earlier: prove that it is still in the chain"},
	{0},
};
static const struct fb_option_def backup_list_options[] = {
	{"service", 's', "NAME", false, "only sets with an item of this service"},
	{0},
};
static const struct fb_option_def backup_show_options[] = {
	{"item", 'i', "ITEM", false, "only this item, with all that is known of it"},
	{"files", 0, NULL, false, "the files in the item's tree"},
	{0},
};
static const struct fb_option_def backup_verify_options[] = {
	{"item", 'i', "ITEM", false, "only this item"},
	{0},
};
static const struct fb_option_def backup_restore_options[] = {
	{"to", 0, "DIR", false, "copy it into this new folder, and touch nothing that is live"},
	{"item", 'i', "ITEM", false, "only this item"},
	{"only", 0, "PATH", false, "only this file or folder of the item; may be given more than once"},
	{"plan", 0, "FILE", false, "write the plan that would be run, to be read first, and run nothing"},
	{"approve", 0, NULL, false, "approve the plan now, in your name"},
	{0},
};
static const struct fb_option_def backup_export_options[] = {
	{"to", 0, "FILE", false, "the new file that it goes to, such as FILE.tar.zst; needed"},
	{"item", 'i', "ITEM", false, "only this item"},
	{0},
};
static const struct fb_option_def backup_copy_options[] = {
	{"to", 0, "NAME", false, "only to this copy; without it, to all of them"},
	{0},
};
static const struct fb_option_def backup_fetch_options[] = {
	{"from", 0, "NAME", false, "the copy it comes from; not needed where there is one"},
	{0},
};
static const struct fb_option_def backup_prune_options[] = {
	{"at", 0, "NAME", false, "prune this copy, not the store"},
	{"orphans", 0, NULL, false, "remove old sets too whose execution the journal does not have"},
	{0},
};
static const struct fb_option_def analyze_options[] = {
	{"log", 'l', "FILE", false, "the log of what failed; - is standard input; needed"},
	{"green", 'g', "FILE", false, "a log of a time when it did not fail; may be given more than once"},
	{"known", 0, "FILE", false, "what successes of this step had in their logs, as deployments keep it; may be given more than once"},
	{"signatures", 0, "DIR", false, "read signatures from here, and from nowhere else; may be given more than once"},
	{"excerpt", 0, NULL, false, "show the lines that explain it, too"},
	{0},
};
static const struct fb_option_def cause_confirm_options[] = {
	{"fix", 0, "TEXT", false, "what mended it; offered first when the same comes again"},
	{"worked", 0, NULL, false, "the first thing that the report recommends mended it"},
	{0},
};
static const struct fb_option_def cause_correct_options[] = {
	{"type", 0, "CATEGORY", false, "what it was: disk_full, timeout, ...; needed"},
	{"cause", 0, "TEXT", false, "what it was, in your words"},
	{"signature", 0, "NAME", false, "the signature that would have been right"},
	{"fix", 0, "TEXT", false, "what mended it; offered first when the same comes again"},
	{"worked", 0, NULL, false, "the first thing that the report recommends mended it"},
	{0},
};
static const struct fb_option_def signatures_test_options[] = {
	{"min", 0, "SHARE", false, "exit code 1 when a smaller share than this is right, 0 to 1 (0)"},
	{"signatures", 0, "DIR", false, "read signatures from here, and from nowhere else; may be given more than once"},
	{0},
};
static const struct fb_option_def plugin_new_options[] = {
	{"language", 0, "LANGUAGE", false, "c or c++ (c)"},
	{"dir", 0, "DIR", false, "write the project there (failback-KIND-NAME)"},
	{0},
};
static const struct fb_option_def plugin_check_options[] = {
	{"set", 0, "NAME=VALUE", false, "give an option of the plugin a value; may be given more than once"},
	{"options", 0, "FILE", false, "read the plugin's options from a file: settings, or a group in braces"},
	{"within", 0, "TIME", false, "how long an operation may take (10s)"},
	{"network", 0, NULL, false, "leave the network on: probes ask and notifiers tell for real"},
	{0},
};

const struct fb_command fb_commands[] = {
	{"deploy", "PLAN", 1, 1, "run a plan; recover by itself when it fails",
	 "Proves the way back (backup), runs the plan's steps, watches the new release, and returns every service to its last known good release when a step or the "
	 "watch fails. An execution is a process of its own: when this command goes away, it goes on. The first interrupt asks it to stop after the current action and to recover.",
	 "failback deploy web.plan\nfailback deploy web.plan --release 2.1 --approve\nfailback --dry-run deploy web.plan\n", "file", true, true, deploy_options, fb_cmd_deploy},
	{"rollback", "[SERVICE…]", 0, -1, "recover now, to the last known good or a named release",
	 "Runs the recovery for the services named, or for all of the configuration, with those that depend on them. Without --to each service returns to its last known good "
	 "release. A recovery is not stopped by an interrupt.",
	 "failback rollback backend --reason \"5xx since 14:02\"\nfailback rollback --to 2.0 --reason \"bad release\" backend\nfailback rollback backend --to\n", "service", true, true,
	 rollback_options, fb_cmd_rollback},
	{"resume", "[ID]", 0, 1, "go on with an interrupted execution",
	 "Goes on where the journal says that the execution was; without ID with the newest that was interrupted. What is recorded as done is looked at, not done again.",
	 "failback resume\nfailback resume deploy-production-20260120t110000z-k3fa\n", "execution", true, false, NULL, fb_cmd_resume},
	{"stop", "ID", 1, 1, "stop an execution after its current action",
	 "A deployment stops after its current action and then recovers. A recovery is stopped only with --force, and then what was changed stays as it is: a person is needed.",
	 "failback stop deploy-production-20260120t110000z-k3fa\n", "execution", true, false, stop_options, fb_cmd_stop},
	{"status", "", 0, 0, "what runs, what waits, what is live", "Shows executions that have not ended, and each service with its live and last known good release.",
	 "failback status\nfailback -e staging --json status\n", "", false, false, NULL, fb_cmd_status},
	{"history", "", 0, 0, "past executions, newest first", "Shows what was run, how it ended and how long it took.",
	 "failback history --limit 5\nfailback history --service backend --since 7d\n", "", false, false, history_options, fb_cmd_history},
	{"show", "[ID]", 0, 1, "one execution: links, actions, logs", "Shows every link with its attempts, the actions it made and the end of its log. Without ID: the newest.",
	 "failback show\n", "execution", false, false, NULL, fb_cmd_show},
	{"report", "[ID]", 0, 1, "the report of an execution", "Renders the report from the journal: what failed, why, what users felt, what to do. Without ID: the newest.",
	 "failback report\nfailback report --format markdown >>rollback-log.md\nfailback report --format html >report.html\nfailback report --format junit >junit.xml\nfailback report --format json deploy-production-20260120t110000z-k3fa\n", "execution", false, false,
	 report_options, fb_cmd_report},
	{"stats", "", 0, 0, "figures of deployments and recoveries, by service",
	 "Counts what the journal has: the five DORA figures, how deployments and rollbacks went, what failed and why, what came again, and how it went over time.",
	 "failback stats --since 90d\nfailback -e production --json stats\n", "", false, false, stats_options, fb_cmd_stats},
	{"watch", "[ID]", 0, 1, "follow an execution that runs", "Shows its progress until it ends, and exits with its code. Leaving the view does not stop it. Without ID: the newest.",
	 "failback watch\n", "execution", false, false, NULL, fb_cmd_watch},
	{"plan show", "PLAN", 1, 1, "review a plan before it is run",
	 "Shows the services in order, the steps with their risk, who must approve, the backup, the recovery, whether each strategy serves users all through, and how long each link "
	 "took before. Nothing is changed.",
	 "failback plan show web.plan\n", "file", false, false, NULL, fb_cmd_plan_show},
	{"approve", "ID", 1, 1, "approve a waiting execution and go on with it", "Records the decision in your name, then runs the execution and follows it.",
	 "failback approve deploy-production-20260120t110000z-k3fa\n", "execution", true, false, NULL, fb_cmd_approve},
	{"reject", "ID", 1, 1, "reject a waiting execution", "Records the decision in your name. Nothing is run.",
	 "failback reject deploy-production-20260120t110000z-k3fa --reason \"not on a Friday\"\n", "execution", true, false, reject_options, fb_cmd_reject},
	{"config check", "[FILE…]", 0, -1, "find every error in the configuration and in plans",
	 "Checks failback.conf and conf.d against the plugins that they name. With FILE: each plan as well, against that configuration. Changes nothing.",
	 "failback config check\nfailback -c failback.conf config check web.plan\n", "file", false, false, NULL, fb_cmd_config_check},
	{"analyze", "", 0, 0, "say why something failed, by its log alone",
	 "Looks in a log for what is known of programs that fail, and says what the cause is, how sure that is, and what to do; every line that it quotes is in the log, byte for byte. "
	 "Needs no deployment, no configuration and no network. With logs of times when all went well, what they have too counts less. Exit code 0 also when the cause stays unknown.",
	 "failback analyze --log build.log\nfailback --json analyze --log - <build.log\nfailback analyze --log build.log --green yesterday.log\n", "", false, false, analyze_options,
	 fb_cmd_analyze},
	{"cause confirm", "ID", 1, 1, "say that the cause in a report is right",
	 "Records in your name that the analysis was right, in the journal and in the audit. The report says so, and when the same service fails again in the same environment this cause "
	 "weighs a little more, and what mended it is offered first. May be said again; a later word takes an earlier one's place.",
	 "failback cause confirm deploy-production-20260120t110000z-k3fa\nfailback cause confirm deploy-production-20260120t110000z-k3fa --worked\n", "execution", true, false,
	 cause_confirm_options, fb_cmd_cause_confirm},
	{"cause correct", "ID", 1, 1, "say what the cause really was",
	 "Records in your name what it was, in the journal and in the audit. Reports show both; stats count what you say. When the same service fails again in the same environment, what "
	 "was found wrongly weighs less, and what mended it is offered first. Nothing is found that is not in a log.",
	 "failback cause correct deploy-production-20260120t110000z-k3fa --type disk_full\n"
	 "failback cause correct deploy-production-20260120t110000z-k3fa --type disk_full --cause \"/var was full of core dumps\" --fix \"rm /var/lib/systemd/coredump/*\"\n",
	 "execution", true, false, cause_correct_options, fb_cmd_cause_correct},
	{"signatures lint", "[DIR…]", 0, -1, "find every error in signatures",
	 "Reads the signatures that failback analyze uses, or those in the folders named; compiles each expression and tries each example. Exit code 65 when something is wrong.",
	 "failback signatures lint\nfailback signatures lint /etc/failback/signatures.d\n", "file", false, false, NULL, fb_cmd_signatures_lint},
	{"signatures test", "DIR", 1, 1, "count how often signatures are right on logs with known causes",
	 "DIR has labels.tsv, whose first line names the columns id and category, with tabs between, and a log ID.log for each line.",
	 "failback signatures test /srv/failed-logs --min 0.9\n", "file", false, false, signatures_test_options, fb_cmd_signatures_test},
	{"signatures suggest", "", 0, 0, "propose a signature for the line of a log that none explains",
	 "Prints a file of signatures with one draft, in which numbers, paths and what stands between quotes may differ; its category and its fixes are to be filled in.",
	 "failback signatures suggest --log build.log >own.conf\n", "", false, false, analyze_options, fb_cmd_signatures_suggest},
	{"doctor", "", 0, 0, "look whether this machine is ready",
	 "Looks at the state and plugin folders, at every plugin that the configuration names, and at what of their sandboxes this kernel cannot enforce; each finding says what to do. "
	 "Changes nothing. Exit code 0 when there are no errors, 65 or 69 else.",
	 "failback doctor\nfailback --json doctor\n", "", false, false, NULL, fb_cmd_doctor},
	{"plugin list", "", 0, 0, "the plugins that are there, and why one was refused", "Loads each plugin in a process of its own and shows what it says of itself.",
	 "failback plugin list\n", "", false, false, NULL, fb_cmd_plugin_list},
	{"plugin show", "NAME", 1, 1, "one plugin: what it does and its options", "NAME is a plugin's name, or kind-name where two kinds share one.",
	 "failback plugin show check-http\n", "plugin", false, false, NULL, fb_cmd_plugin_show},
	{"plugin new", "KIND NAME", 2, 2, "write a small project for a plugin of your own",
	 "Writes source, Makefile, manual page, example and unit test for a phase, strategy, check or notifier. The project needs a compiler, pkg-config and failback's header, "
	 "and builds, tests and installs as written. failback-plugin(3) leads through it.",
	 "failback plugin new notifier mine\nfailback plugin new strategy our-cluster --language c++\n", "kind", false, false, plugin_new_options, fb_cmd_plugin_new},
	{"plugin check", "FILE", 1, 1, "try a plugin: what it declares, and what it does when things go wrong",
	 "Loads the file in a plugin host of its own, where what it changes is seen and the network is off as far as this system lets us, and calls every operation: in a dry run, past its deadline, asked to "
	 "stop, with answers refused, on a full disk, under valgrind. One line a check; exit code 69 when one has failed.",
	 "failback plugin check notifier-mine.so --set port=5170\nfailback --json plugin check check-mine.so --options example.conf\n", "file", false, false, plugin_check_options,
	 fb_cmd_plugin_check},
	{"backup list", "", 0, 0, "the backup sets, newest first",
	 "Shows when each was made, of which services, its size and what it takes in the store, whether it is encrypted, whether the journal has the digest of its manifest, and "
	 "which live or last known good release needs it.",
	 "failback backup list\nfailback backup list --service web\n", "", false, false, backup_list_options, fb_cmd_backup_list},
	{"backup show", "[SET]", 0, 1, "one backup set, an item of it, or its files",
	 "SET is a set's id, which is its execution's, or the beginning of one, or latest. Without SET: the newest of this environment.",
	 "failback backup show\nfailback backup show latest --item web.config --files\n", "backup", false, false, backup_show_options, fb_cmd_backup_show},
	{"backup verify", "[SET]", 0, 1, "read a backup set back and prove that it is whole",
	 "Reads every object, decrypts and compares it, and compares the manifest with the digest that the journal has of it. Exit code 0 when all is whole, 1 when something is "
	 "damaged. Without SET: the newest of this environment.",
	 "failback backup verify\nfailback backup verify deploy-production-20260120t110000z-k3fa --item web.config\n", "backup", false, false, backup_verify_options, fb_cmd_backup_verify},
	{"backup restore", "SET", 1, 1, "give back what a backup set has, where it lives or in a new folder",
	 "Without --to it is a deployment of one step: what is there now is backed up first, every item is read back whole before anything is written, the step is in the journal and "
	 "the audit, and is taken back when it fails. A dry run says what would be done; --plan writes the plan and runs nothing. With --to nothing that is live is touched: one item goes to DIR, several to DIR/SERVICE/ITEM. While it is at it the folder is DIR.incomplete; it gets its name when all is there. What may "
	 "not be restored is named, and the folder keeps that name: exit code 4.",
	 "failback --dry-run backup restore latest\nfailback backup restore latest --item web.config --only nginx.conf\nfailback backup restore latest --item web.config --plan give-back.plan\n"
	 "failback backup restore latest --to /tmp/look --item web.config\nfailback backup restore latest --to /tmp/look --item web.config --only nginx.conf\n", "backup", true, true,
	 backup_restore_options, fb_cmd_backup_restore},
	{"backup export", "SET", 1, 1, "write a backup set to one archive", "Writes a tar.zst that tar(1) reads. What is encrypted in the store is in the clear in the archive.",
	 "failback backup export latest --to /mnt/usb/web.tar.zst\n", "backup", true, false, backup_export_options, fb_cmd_backup_export},
	{"backup copy", "SET", 1, 1, "send a backup set to its copies elsewhere",
	 "Sends what is not there yet to the copies that backup_store names (failback.conf(5)), the set itself last: what is broken off is no set there, and is gone on with. "
	 "Exit code 1 when a copy failed; the others have it.",
	 "failback backup copy latest\nfailback backup copy deploy-production-20260120t110000z-k3fa --to offsite\n", "backup", true, false, backup_copy_options, fb_cmd_backup_copy},
	{"backup fetch", "SET", 1, 1, "bring a backup set back from a copy into the store",
	 "For a store that was lost or damaged: makes the store when it is not there, brings what it lacks, compares every object with its hash, and mends those that are damaged. Then restore as "
	 "usual. SET is an id as the copy has it, the beginning of one, or latest. What is encrypted needs the key.",
	 "failback backup fetch latest --from offsite\n", "backup", true, false, backup_fetch_options, fb_cmd_backup_fetch},
	{"backup prune", "", 0, 0, "remove old backup sets, and say why each is kept or goes",
	 "Removes sets of this environment that are older than retention_days and not among the keep_last newest of any of their services, then younger ones until the store is no larger "
	 "than max_size (failback.conf(5), backup_store). Never one whose execution has not ended, and none that a live or last known good release needs.",
	 "failback backup prune --dry-run\nfailback backup prune\n", "", true, true, backup_prune_options, fb_cmd_backup_prune},
	{"notify test", "[NAME]", 0, 1, "show what the notifiers would send",
	 "Has each notifier of the configuration, or the one of that name, compose what it would send of a made-up incident, templates and all, and prints it. Nothing is sent without --send. "
	 "Exit code 1 when a notifier could not.",
	 "failback notify test\nfailback notify test slack --event deployment.failed --send\n", "", false, false, notify_test_options, fb_cmd_notify_test},
	{"notify flush", "", 0, 0, "deliver the notifications that earlier executions left",
	 "What was not delivered when an execution ended waits in the journal, for seven days. The next execution delivers it, or this does, with the settings that the notifiers have now; "
	 "one process at a time. Exit code 1 when something still waits.",
	 "failback notify flush\n", "", true, false, NULL, fb_cmd_notify_flush},
	{"audit verify", "", 0, 0, "prove that the audit trail is whole",
	 "Reads every row anew and checks each against the hash of the one before. With --head also that a head, as reports and notifications print it, is in the chain.",
	 "failback audit verify\n", "", false, false, audit_options, fb_cmd_audit_verify},
	{"help", "[COMMAND]", 0, 2, "show help", "Shows the help of a command, or of all.", "failback help deploy\n", "command", false, false, NULL, fb_cmd_help},
	{0},
};
