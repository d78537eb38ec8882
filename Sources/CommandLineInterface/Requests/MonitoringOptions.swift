package import System

/// What a monitor such as Nagios or Prometheus is told of a run.
package struct MonitoringOptions: Sendable, Equatable {
    /// What is printed in place of the results.
    package enum Form: Sendable {
        /// One line of a monitoring plugin; the exit code is its state.
        case nagios
        /// Metrics of all peers, by the names of Prometheus' blackbox exporter.
        case prometheus
    }

    package var form: Form?
    /// The values of the thresholds are numbers of matches for a query, seconds for other operations.
    package var warning: ThresholdRange?
    package var critical: ThresholdRange?
    /// The file of metrics.
    package var metricsPath: FilePath?
    /// Further labels of all metrics.
    package var labels: [MetricLabel] = []

    /// The limit of a run for a monitoring plugin, in seconds, where none is given.
    package static let totalLimit = 10.0

    package init() {}
}
