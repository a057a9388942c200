// SPDX-License-Identifier: Apache-2.0
/** @file Included before every file of ours: functions with no safe use become compile errors. */
#ifndef OTC_BASE_BANNED_H
#define OTC_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gmtime localtime ctime asctime atoi atol atof srand \
    gets
#pragma GCC poison system popen tmpnam mktemp strncpy

#endif
