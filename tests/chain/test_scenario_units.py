#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The four scenarios of a team's rollback guide, its full restore and its partial one, where the service is a unit of a real systemd: code from git, configuration,
dependencies, and state beside a PostgreSQL database. Each is the story of its own test, told again; that test runs where no systemd boots."""
import tempfile

import service_lab
import test_files
import test_scenario_code
import test_scenario_dependencies
import test_scenario_state
from lab import Lab, check, main
from systemd_lab import Machine


def started():
    """How often systemd has started a service: the stories must have been told with it."""
    return service_lab.machine.run("journalctl", "--no-pager", "--quiet", "--output=cat", "--identifier=systemd", expect=None).count("Started service-")


def told(*stories):
    for story in stories:
        before = started()
        story()
        check(started() > before, f"no unit was started in {story.__name__}")


def a_failed_code_deployment_and_a_full_and_a_partial_restore():
    told(test_scenario_code.a_release_that_is_not_good_goes_back_before_it_is_live_or_after)


def a_configuration_rollback():
    told(test_files.broken_json_is_refused_before_anything_changes, test_files.a_unit_that_does_not_start_with_the_new_release_is_started_with_the_old_one)


def a_dependency_rollback():
    told(test_scenario_dependencies.an_update_that_breaks_imports_goes_back_to_the_environment_that_was_good)


def a_state_rollback():
    told(test_scenario_state.corrupted_state_and_metrics_come_back_while_the_service_is_stopped, test_scenario_state.people_give_the_state_back_in_the_same_way,
         test_scenario_state.a_database_and_its_state_go_back_as_one)


if __name__ == "__main__":
    with Lab() as house:
        with Machine(house.dir) as service_lab.machine:
            tempfile.tempdir = house.dir  # laboratories stand where the machine sees them
            main(a_failed_code_deployment_and_a_full_and_a_partial_restore, a_configuration_rollback, a_dependency_rollback, a_state_rollback, attempts=2)
