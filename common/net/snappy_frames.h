// SPDX-License-Identifier: Apache-2.0
/** @file Writing snappy in frames (https://github.com/google/snappy/blob/main/framing_format.txt). */
#ifndef OTC_NET_SNAPPY_FRAMES_H
#define OTC_NET_SNAPPY_FRAMES_H

#include "common/base/slice.h"

/** Bytes that are enough for the frames of `len` bytes. */
size_t otc_snappy_frames_bound(size_t len);
/** Writes the frames of `in` to `to`, which has that room. Returns their length; 0: snappy failed. */
size_t otc_snappy_frames(struct otc_slice in, uint8_t *to);

#endif
