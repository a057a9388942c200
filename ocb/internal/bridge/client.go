// SPDX-License-Identifier: Apache-2.0

package bridge

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/client"
)

// clientOf tells C who sent the data, as otc_bridge_consume reads it.
func clientOf(ctx context.Context) []byte {
	var text []byte
	put := func(kind, name, value string) {
		if !strings.Contains(name+value, "\x00") {
			text = append(text, kind+"\x00"+name+"\x00"+value+"\x00"...)
		}
	}
	info := client.FromContext(ctx)
	if info.Addr != nil {
		put("a", "", info.Addr.String())
	}
	for name := range info.Metadata.Keys() {
		for _, value := range info.Metadata.Get(name) {
			put("m", name, value)
		}
	}
	if info.Auth != nil {
		for _, name := range info.Auth.GetAttributeNames() {
			put("u", name, fmt.Sprint(info.Auth.GetAttribute(name)))
		}
	}
	return text
}
