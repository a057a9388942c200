// SPDX-License-Identifier: Apache-2.0

// Package plugin makes Go factories of C components from elsewhere: of the list `otc_plugin_factories` that a plug-in of the sidecar
// exports, too. It is compiled into the Collector; otel-config-examples/plugin is an example. A component that was built for another
// version of the interface is refused with a text that says so when it is configured.
package plugin

import (
	"unsafe"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/processor"

	"github.com/otelcol-aimon/otelcol-aimon/ocb/internal/bridge"
)

// Connector is the connector `name` of a list of factories, NULL-ended, which stays for good.
func Connector(factories unsafe.Pointer, name string) connector.Factory {
	return bridge.PluginConnector(factories, name)
}

// Processor is the processor `name` of a list of factories, NULL-ended, which stays for good.
func Processor(factories unsafe.Pointer, name string) processor.Factory {
	return bridge.PluginProcessor(factories, name)
}
