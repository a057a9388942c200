// SPDX-License-Identifier: Apache-2.0
/**
 * @file The offline commands. argv[0] is the command's name ("compare"), its arguments follow. Each prints
 * what it has to say and returns the exit code: 0 done, 1 failed, 2 usage or unreadable input, 3 drift under
 * --fail-on-drift.
 */
#ifndef OTC_SIDECAR_COMMANDS_H
#define OTC_SIDECAR_COMMANDS_H

/** `reference build` and `reference show`. */
int otc_cmd_reference(int argc, char **argv);
int otc_cmd_compare(int argc, char **argv);
int otc_cmd_replay(int argc, char **argv);

#endif
