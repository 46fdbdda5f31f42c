//! What `/metrics` shows (Prometheus text format).

use std::time::Duration;

use model::{AttemptOutcome, ChallengeKind, ProfileId, RateLimit, SignInMethod};
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// One registry per server, so that several servers in one process (tests) do not share counts.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    issuances: IntCounterVec,
    shed: IntCounterVec,
    rate_limited: IntCounterVec,
    sign_ins: IntCounterVec,
    orders: IntGaugeVec,
    validations: IntCounterVec,
    validation_queue: IntGauge,
    database: IntGaugeVec,
    expiry: GaugeVec,
    api_keys_expiring: IntGauge,
    job_runs: IntCounterVec,
    job_success: IntGaugeVec,
}

impl Metrics {
    /// # Panics
    /// Only when two metrics below have the same name.
    pub fn new() -> Self {
        let opts = |name: &str, help: &str| Opts::new(format!("certctl_{name}"), help);
        let latency =
            HistogramOpts::new("certctl_http_request_duration_seconds", "Time to answer, in seconds.")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let expect = "metric names are distinct and valid";
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(
                opts("http_requests_total", "Requests answered."),
                &["method", "route", "status"],
            )
            .expect(expect),
            latency: HistogramVec::new(latency, &["route"]).expect(expect),
            issuances: IntCounterVec::new(
                opts(
                    "issuances_total",
                    "Certificates issued (issued), refused by a rule (refused), or failed (failed).",
                ),
                &["profile", "outcome"],
            )
            .expect(expect),
            shed: IntCounterVec::new(
                opts(
                    "requests_shed_total",
                    "Requests answered 503 unseen: too many in work (in_flight, in_flight_of_address) or waiting for the database (database_queue).",
                ),
                &["reason"],
            )
            .expect(expect),
            rate_limited: IntCounterVec::new(
                opts("rate_limited_total", "Requests refused (429) by a rate limit, by its name."),
                &["limit"],
            )
            .expect(expect),
            sign_ins: IntCounterVec::new(
                opts("sign_ins_total", "Sign-ins that succeeded (started) or were refused (refused), by method."),
                &["method", "outcome"],
            )
            .expect(expect),
            orders: IntGaugeVec::new(
                opts("open_orders", "Orders that are not finished, by state."),
                &["status"],
            )
            .expect(expect),
            validations: IntCounterVec::new(
                opts(
                    "validations_total",
                    "Attempts to validate a challenge that passed (passed), will be repeated (retried), or failed for good (failed).",
                ),
                &["challenge", "outcome"],
            )
            .expect(expect),
            validation_queue: IntGauge::with_opts(opts(
                "validation_queue",
                "Answered challenges that are not decided, of all replicas.",
            ))
            .expect(expect),
            database: IntGaugeVec::new(
                opts(
                    "database",
                    "Database connections (open, idle) and who waits for one (queue).",
                ),
                &["what"],
            )
            .expect(expect),
            expiry: GaugeVec::new(
                opts(
                    "certificate_not_after_timestamp_seconds",
                    "End of the CA's and of the server's own certificate.",
                ),
                &["certificate"],
            )
            .expect(expect),
            api_keys_expiring: IntGauge::with_opts(opts(
                "api_keys_expiring",
                "Active API keys without a successor that end within 14 days.",
            ))
            .expect(expect),
            job_runs: IntCounterVec::new(
                opts("job_runs_total", "Runs of background jobs that ended well (done) or did not (failed)."),
                &["job", "outcome"],
            )
            .expect(expect),
            job_success: IntGaugeVec::new(
                opts(
                    "job_last_success_timestamp_seconds",
                    "When the last run of a background job that was done ended.",
                ),
                &["job"],
            )
            .expect(expect),
        };
        for collector in [
            Box::new(metrics.requests.clone()) as Box<dyn prometheus::core::Collector>,
            Box::new(metrics.latency.clone()),
            Box::new(metrics.issuances.clone()),
            Box::new(metrics.shed.clone()),
            Box::new(metrics.rate_limited.clone()),
            Box::new(metrics.sign_ins.clone()),
            Box::new(metrics.orders.clone()),
            Box::new(metrics.validations.clone()),
            Box::new(metrics.validation_queue.clone()),
            Box::new(metrics.database.clone()),
            Box::new(metrics.expiry.clone()),
            Box::new(metrics.api_keys_expiring.clone()),
            Box::new(metrics.job_runs.clone()),
            Box::new(metrics.job_success.clone()),
        ] {
            metrics.registry.register(collector).expect(expect);
        }
        metrics
    }

    pub fn sign_in(&self, method: SignInMethod, started: bool) {
        let outcome = if started { "started" } else { "refused" };
        self.sign_ins.with_label_values(&[method.as_str(), outcome]).inc();
    }

    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut buffer = [0; 3];
        self.requests.with_label_values(&[method, route, status_text(status, &mut buffer)]).inc();
        self.latency.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub fn issued(&self, profile: &ProfileId) {
        self.issuances.with_label_values(&[profile.as_str(), "issued"]).inc();
    }

    pub fn issuance_failed(&self, profile: &ProfileId) {
        self.issuances.with_label_values(&[profile.as_str(), "failed"]).inc();
    }

    pub fn order_refused(&self, profile: &ProfileId) {
        self.issuances.with_label_values(&[profile.as_str(), "refused"]).inc();
    }

    pub fn validation(&self, kind: ChallengeKind, outcome: AttemptOutcome) {
        self.validations.with_label_values(&[kind.as_str(), outcome.as_str()]).inc();
    }

    pub fn set_validation_queue(&self, count: i64) {
        self.validation_queue.set(count);
    }

    pub fn shed(&self, reason: &str) {
        self.shed.with_label_values(&[reason]).inc();
    }

    pub fn rate_limited(&self, limit: RateLimit) {
        self.rate_limited.with_label_values(&[limit.as_str()]).inc();
    }

    pub fn set_open_orders(&self, status: &str, count: i64) {
        self.orders.with_label_values(&[status]).set(count);
    }

    pub fn set_database(&self, what: &str, count: i64) {
        self.database.with_label_values(&[what]).set(count);
    }

    /// `not_after`: seconds since the Unix epoch.
    pub fn set_expiry(&self, certificate: &str, not_after: i64) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in an f64")]
        self.expiry.with_label_values(&[certificate]).set(not_after as f64);
    }

    pub fn set_api_keys_expiring(&self, count: i64) {
        self.api_keys_expiring.set(count);
    }

    /// `done`: when the run ended, in seconds since the Unix epoch; `None`: it failed.
    pub fn job(&self, name: &str, done: Option<i64>) {
        let outcome = if done.is_some() { "done" } else { "failed" };
        self.job_runs.with_label_values(&[name, outcome]).inc();
        if let Some(at) = done {
            self.job_success.with_label_values(&[name]).set(at);
        }
    }

    pub fn render(&self) -> String {
        let mut out = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned(),
            Err(e) => format!("# {e}\n"),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn status_text(status: u16, buffer: &mut [u8; 3]) -> &str {
    for (digit, power) in buffer.iter_mut().zip([100, 10, 1]) {
        *digit = b'0' + u8::try_from(status / power % 10).unwrap_or(0);
    }
    std::str::from_utf8(buffer).unwrap_or("000")
}
