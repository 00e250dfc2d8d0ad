//! `-maxmemory`, `-maxcpus`, `-maxpids`: how much a container may use.
//!
//! A create must set each limit, because a missing one is unlimited, as are 0 and -1. An
//! update may leave a limit out, which keeps it, but not lift it. Quota and period count
//! like a number of processors. Swap is at most as much again as the memory.
//!
//! Deliberately not limited: the sum of a client's containers, and the number of
//! processes of a build, which no daemon can limit.

mod libpod;

use super::fields::Node;
use super::query::{Parameter, parameters};
use super::read::{Container, HostConfig, Service};
use super::refusal::{Fault, Refusal, Type};
use crate::api::Operation;
use std::fmt;

/// The Engine's period where none is given, in microseconds.
const PERIOD: i64 = 100_000;

/// The least memory of a container (moby `daemon/daemon_unix.go`).
const MEMORY_MIN: i64 = 6 << 20;

/// The most digits behind the point: those of a billionth of a processor.
const DIGITS_MAX: u32 = 9;

/// Nanoseconds of a second: `NanoCpus` of one processor.
const NANOS: i64 = 1_000_000_000;

/// The limits on a container's resources; `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maxima {
    /// Bytes of memory.
    pub memory: Option<Maximum>,
    /// Billionths of a processor.
    pub cpus: Option<Maximum>,
    /// Processes and threads.
    pub pids: Option<Maximum>,
}

/// One limit, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maximum {
    /// At least 1.
    value: i64,
    /// The flag, variable or label with the value.
    written: String,
}

/// Why a text is not a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAMaximum {
    /// Not a number of bytes with a unit.
    Size,
    /// Not a number that is in range.
    Number,
    /// Nothing.
    Zero,
    /// Less than any daemon takes for memory.
    Small,
}

impl fmt::Display for NotAMaximum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "it is not a size",
            Self::Number => "it is not a number that can be used",
            Self::Zero => "it is 0",
            Self::Small => "daemons take no less than 6m",
        })
    }
}

impl std::error::Error for NotAMaximum {}

/// A limit that is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Excess {
    /// The value, if there is one.
    found: Option<i64>,
    /// The most that it may be.
    most: i64,
    written: String,
}

/// Whether a missing limit is unlimited or stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Unlimited,
    Unchanged,
}

impl Maximum {
    /// A limit of bytes, as `docker` writes them: `512m`, `1.5g`. `name` is the flag,
    /// variable or label with the text.
    ///
    /// # Errors
    /// A clause about the text.
    pub fn memory(text: &str, name: &str) -> Result<Self, NotAMaximum> {
        let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return Err(NotAMaximum::Size),
        };
        let value = decimal(number, unit).ok_or(NotAMaximum::Size)?;
        match value < MEMORY_MIN {
            true => Err(NotAMaximum::Small),
            false => Self::new(value, text, name),
        }
    }

    /// A limit of processors: `2`, `1.5`.
    ///
    /// # Errors
    /// A clause about the text.
    pub fn cpus(text: &str, name: &str) -> Result<Self, NotAMaximum> {
        Self::new(decimal(text, NANOS).ok_or(NotAMaximum::Number)?, text, name)
    }

    /// A limit of processes.
    ///
    /// # Errors
    /// A clause about the text.
    pub fn pids(text: &str, name: &str) -> Result<Self, NotAMaximum> {
        Self::new(decimal(text, 1).ok_or(NotAMaximum::Number)?, text, name)
    }

    fn new(value: i64, text: &str, name: &str) -> Result<Self, NotAMaximum> {
        match value {
            1.. => Ok(Self { value, written: format!("{name}={text}") }),
            _ => Err(NotAMaximum::Zero),
        }
    }

    fn refuse(&self, place: &str, found: Option<i64>, most: i64) -> Refusal {
        let written = self.written.clone();
        Refusal::new(place, Fault::Limit(Excess { found, most, written }))
    }

    /// Checks a limit: 0 is that of an absent field, and below it all is unlimited.
    fn check(&self, place: &str, value: i64, missing: Missing) -> Result<(), Refusal> {
        self.check_below(place, value, self.value, missing)
    }

    fn check_below(
        &self,
        place: &str,
        value: i64,
        most: i64,
        missing: Missing,
    ) -> Result<(), Refusal> {
        match value {
            0 if missing == Missing::Unchanged => Ok(()),
            0 => Err(self.refuse(place, None, most)),
            value if value < 0 || value > most => Err(self.refuse(place, Some(value), most)),
            _ => Ok(()),
        }
    }
}

/// Where it was written, with its value.
impl fmt::Display for Maximum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            None => write!(f, "is not set; {} needs it, at most {}", self.written, self.most),
            Some(value) => write!(f, "is {value}; {} allows at most {}", self.written, self.most),
        }
    }
}

impl Maxima {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks a body of containers create. Only `HostConfig` sets a limit: later Engines
    /// do not read the top level.
    pub(super) fn check_create(&self, container: &Container<'_>) -> Result<(), Refusal> {
        if let [top, _] = container.host_configs()?.as_slice() {
            self.check_config("", top, Missing::Unchanged)?;
        }
        match container.host_config()? {
            Some(config) => self.check_config("HostConfig.", &config, Missing::Unlimited),
            None => Err(Refusal::new("HostConfig", Fault::NotA(Type::Object))),
        }
    }

    /// Checks a body of containers update.
    pub(super) fn check_update(&self, container: &Container<'_>) -> Result<(), Refusal> {
        let configs = container.host_configs()?;
        let top =
            configs.first().map_or(Ok(()), |top| self.check_config("", top, Missing::Unchanged));
        top.and_then(|()| match configs.first() {
            Some(top) => self.check_pids_update(top),
            None => Ok(()),
        })
    }

    /// Checks a body of containers start, where it has one: it replaces all limits.
    pub(super) fn check_start(&self, container: &Container<'_>) -> Result<(), Refusal> {
        match container.host_configs()?.first() {
            Some(config) if !container.is_empty() => {
                self.check_config("", config, Missing::Unlimited)
            }
            _ => Ok(()),
        }
    }

    fn check_config(
        &self,
        above: &str,
        config: &HostConfig<'_>,
        missing: Missing,
    ) -> Result<(), Refusal> {
        let place = |name: &str| format!("{above}{name}");
        if let Some(maximum) = &self.memory {
            let memory = number(config.memory()?)?;
            maximum.check(&place("Memory"), memory, missing)?;
            let whole = if memory > 0 { memory } else { maximum.value };
            let most = whole.saturating_mul(2);
            let swap = number(config.memory_swap()?)?;
            maximum.check_below(&place("MemorySwap"), swap, most, Missing::Unchanged)?;
        }
        if let Some(maximum) = &self.cpus {
            let quota = number(config.cpu_quota()?)?;
            let period = number(config.cpu_period()?)?;
            let nanos = number(config.nano_cpus()?)?;
            check_cpus(maximum, above, Cpus { nanos, quota, period }, missing)?;
        }
        if let Some(maximum) = &self.pids {
            maximum.check(&place("PidsLimit"), number(config.pids_limit()?)?, missing)?;
        }
        Ok(())
    }

    /// To an update 0 processes are no limit, and only an absent field changes nothing.
    fn check_pids_update(&self, config: &HostConfig<'_>) -> Result<(), Refusal> {
        match (&self.pids, config.pids_limit()?) {
            (Some(maximum), Some(node)) => {
                maximum.check("PidsLimit", number(Some(node))?, Missing::Unlimited)
            }
            _ => Ok(()),
        }
    }

    /// Checks a body of services create or update, which replaces the whole service.
    pub(super) fn check_service(&self, service: &Service<'_>) -> Result<(), Refusal> {
        const LIMITS: &str = "TaskTemplate.Resources.Limits";
        let resources = match service.task()? {
            Some(task) => task.resources()?,
            None => None,
        };
        let limits = match &resources {
            Some(resources) => resources.limits()?,
            None => None,
        };
        let Some(limits) = limits else {
            return match [&self.memory, &self.cpus, &self.pids].into_iter().flatten().next() {
                Some(maximum) => Err(maximum.refuse(LIMITS, None, maximum.value)),
                None => Ok(()),
            };
        };
        let values = [
            (&self.memory, "MemoryBytes", limits.memory()?),
            (&self.cpus, "NanoCPUs", limits.nano_cpus()?),
            (&self.pids, "Pids", limits.pids()?),
        ];
        for (maximum, name, value) in values {
            let Some(maximum) = maximum else { continue };
            maximum.check(&format!("{LIMITS}.{name}"), number(value)?, Missing::Unlimited)?;
        }
        let swap = resources.map_or(Ok(None), |resources| resources.swap())?;
        match &self.memory {
            Some(maximum) => {
                maximum.check("TaskTemplate.Resources.SwapBytes", number(swap)?, Missing::Unchanged)
            }
            None => Ok(()),
        }
    }

    /// Checks a request by its operation and its query: builds must set their limits,
    /// which BuildKit does not keep.
    pub(super) fn check_head(&self, operation: Operation, query: &str) -> Result<(), Refusal> {
        use Operation as Of;
        let limits_builds = self.memory.is_some() || self.cpus.is_some();
        match operation {
            Of::Session | Of::Grpc if limits_builds => {
                Err(Refusal::new(operation.name(), Fault::UnlimitedBuild))
            }
            Of::ImageBuild | Of::ImageBuildLibpod | Of::LocalBuildLibpod if limits_builds => {
                self.check_build(query)
            }
            _ => Ok(()),
        }
    }

    fn check_build(&self, query: &str) -> Result<(), Refusal> {
        let parameters = parameters(query)?;
        if one(&parameters, "version")?.is_some_and(|version| !matches!(version, "" | "1")) {
            return Err(Refusal::new("version", Fault::UnlimitedBuild));
        }
        if let Some(maximum) = &self.memory {
            let memory = parameter(&parameters, "memory")?;
            maximum.check("memory", memory, Missing::Unlimited)?;
            let (swap, most) = (parameter(&parameters, "memswap")?, memory.saturating_mul(2));
            maximum.check_below("memswap", swap, most, Missing::Unchanged)?;
        }
        if let Some(maximum) = &self.cpus {
            let (quota, period) =
                (parameter(&parameters, "cpuquota")?, parameter(&parameters, "cpuperiod")?);
            check_cpus(maximum, "", Cpus { nanos: 0, quota, period }, Missing::Unlimited)?;
        }
        Ok(())
    }
}

/// A decimal number of units, rounded down; `None` if it is none, or too large.
fn decimal(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= DIGITS_MAX)?;
    if !is_number(whole) || !is_number(fraction) || (unit == 1 && text.contains('.')) {
        return None;
    }
    let unit = i128::from(unit);
    let part = i128::from(fraction.parse::<i64>().ok()?) * unit / 10_i128.pow(digits);
    i64::try_from(i128::from(whole.parse::<i64>().ok()?) * unit + part).ok()
}

/// A limit of processors in both of its forms.
struct Cpus {
    nanos: i64,
    quota: i64,
    period: i64,
}

/// A quota without a period is one of the Engine's own. An update of the period alone
/// changes the effect of the quota.
fn check_cpus(
    maximum: &Maximum,
    above: &str,
    Cpus { nanos, quota, period }: Cpus,
    missing: Missing,
) -> Result<(), Refusal> {
    if nanos != 0 || (quota == 0 && period == 0) {
        maximum.check(&format!("{above}NanoCpus"), nanos, missing)?;
    }
    if quota == 0 && period == 0 {
        return Ok(());
    }
    let period = if period == 0 { PERIOD } else { period };
    let most = i128::from(maximum.value) * i128::from(period.max(0)) / i128::from(NANOS);
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let missing = if nanos == 0 { Missing::Unlimited } else { missing };
    maximum.check_below(&format!("{above}CpuQuota"), quota, most, missing)
}

/// A whole number; 0 if it is absent.
fn number(node: Option<Node<'_>>) -> Result<i64, Refusal> {
    node.map_or(Ok(0), |node| node.whole_number())
}

/// The value of a parameter that may be there once.
fn one<'p>(parameters: &'p [Parameter], name: &'static str) -> Result<Option<&'p str>, Refusal> {
    let mut values = parameters.iter().filter(|parameter| parameter.is(name));
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::new(name, Fault::NotA(Type::WholeNumber))),
        (value, None) => Ok(value.map(|parameter| parameter.value.as_str())),
    }
}

fn parameter(parameters: &[Parameter], name: &'static str) -> Result<i64, Refusal> {
    match one(parameters, name)? {
        None | Some("") => Ok(0),
        Some(text) => text.parse().map_err(|_| Refusal::new(name, Fault::NotA(Type::WholeNumber))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{Value, read_text};
    use super::*;

    fn maxima() -> Maxima {
        Maxima {
            memory: Maximum::memory("512m", "-maxmemory").ok(),
            cpus: Maximum::cpus("1.5", "-maxcpus").ok(),
            pids: Maximum::pids("100", "-maxpids").ok(),
        }
    }

    pub(super) fn judge<T: Value<'static>>(
        check: impl Fn(&Maxima, &T) -> Result<(), Refusal>,
        body: &str,
    ) -> Result<(), String> {
        let read = read_text(body).and_then(|read| check(&maxima(), &read));
        read.map_err(|refusal| refusal.to_string())
    }

    fn created(fields: &str) -> Result<(), String> {
        judge(Maxima::check_create, &format!(r#"{{"HostConfig":{{{fields}}}}}"#))
    }

    #[test]
    fn limits_are_written_as_docker_writes_them() {
        for (text, bytes) in [
            ("6291456", 6 << 20),
            ("512m", 512 << 20),
            ("512MB", 512 << 20),
            ("1g", 1 << 30),
            ("1.5GiB", 3 << 29),
            ("0.1t", 109_951_162_777),
        ] {
            assert_eq!(Maximum::memory(text, "").map(|it| it.value), Ok(bytes), "{text}");
        }
        for text in
            ["", "m", "512x", "-1", "1e9", " 1g", "1 g", "0", "5m", "1.g", ".5g", "9999999t"]
        {
            assert!(Maximum::memory(text, "").is_err(), "{text}");
        }
        assert_eq!(Maximum::cpus("0.5", "").map(|it| it.value), Ok(500_000_000));
        assert_eq!(Maximum::cpus("2", "").map(|it| it.value), Ok(2 * NANOS));
        assert_eq!(Maximum::pids("1", "").map(|it| it.value), Ok(1));
        for text in ["0", "-1", "0.0", "1.5.2", "1,5", "two", "0.0000000001"] {
            assert!(Maximum::cpus(text, "").is_err(), "{text}");
            assert!(Maximum::pids(text, "").is_err(), "{text}");
        }
    }

    #[test]
    fn a_create_sets_every_limit() {
        let rest = r#""NanoCpus":1500000000,"PidsLimit":100"#;
        assert_eq!(created(&format!(r#""Memory":536870912,{rest}"#)), Ok(()));
        assert_eq!(
            created(&format!(r#""Memory":536870912,"MemorySwap":1073741824,{rest}"#)),
            Ok(())
        );
        assert_eq!(
            created(rest),
            Err("HostConfig.Memory is not set; -maxmemory=512m needs it, at most 536870912".into())
        );
        assert_eq!(
            created(&format!(r#""Memory":536870913,{rest}"#)),
            Err("HostConfig.Memory is 536870913; -maxmemory=512m allows at most 536870912".into())
        );
        for memory in ["0", "-1", "null", r#""512m""#, "1e6", "5.0", "99999999999999999999"] {
            assert!(created(&format!(r#""Memory":{memory},{rest}"#)).is_err(), "{memory}");
        }
        for swap in ["-1", "1073741825"] {
            let fields = format!(r#""Memory":536870912,"MemorySwap":{swap},{rest}"#);
            assert!(created(&fields).is_err(), "{swap}");
        }
        let small = format!(r#""Memory":67108864,"MemorySwap":134217729,{rest}"#);
        assert!(created(&small).is_err());
        for pids in ["0", "-1", "101", "null"] {
            let fields = format!(r#""Memory":67108864,"NanoCpus":1,"PidsLimit":{pids}"#);
            assert!(created(&fields).is_err(), "{pids}");
        }
        assert!(judge(Maxima::check_create, r#"{"Memory":1}"#).is_err());
        let both = r#"{"Memory":-1,"HostConfig":{"Memory":67108864,"NanoCpus":1,"PidsLimit":1}}"#;
        assert!(judge(Maxima::check_create, both).is_err());
    }

    #[test]
    fn quota_and_period_count_like_processors() {
        let cpus = |fields: &str| created(&format!(r#""Memory":67108864,"PidsLimit":1,{fields}"#));
        for fields in [
            r#""NanoCpus":1"#,
            r#""CpuQuota":150000"#,
            r#""CpuQuota":75000,"CpuPeriod":50000"#,
            r#""NanoCpus":0,"CpuQuota":1000,"CpuPeriod":0"#,
        ] {
            assert_eq!(cpus(fields), Ok(()), "{fields}");
        }
        for fields in [
            r#""NanoCpus":0"#,
            r#""NanoCpus":1500000001"#,
            r#""CpuQuota":150001"#,
            r#""CpuQuota":-1"#,
            r#""CpuPeriod":100000"#,
            r#""CpuQuota":100000,"CpuPeriod":1000"#,
            r#""CpuQuota":1,"CpuPeriod":-5"#,
            r#""NanoCpus":1,"CpuQuota":900000"#,
        ] {
            assert!(cpus(fields).is_err(), "{fields}");
        }
    }

    #[test]
    fn an_update_lifts_no_limit() {
        for body in [
            "{}",
            r#"{"RestartPolicy":{"Name":"no"}}"#,
            r#"{"Memory":0,"MemorySwap":0,"NanoCpus":0,"CpuQuota":0,"CpuPeriod":0}"#,
            r#"{"Memory":67108864,"PidsLimit":null}"#,
            r#"{"PidsLimit":5}"#,
        ] {
            assert_eq!(judge(Maxima::check_update, body), Ok(()), "{body}");
        }
        for body in [
            r#"{"Memory":-1}"#,
            r#"{"Memory":1073741824}"#,
            r#"{"MemorySwap":-1}"#,
            r#"{"MemorySwap":2147483648}"#,
            r#"{"PidsLimit":0}"#,
            r#"{"PidsLimit":-1}"#,
            r#"{"NanoCpus":-1}"#,
            r#"{"CpuQuota":-1}"#,
            r#"{"CpuPeriod":1000}"#,
            r#"{"memory":1}"#,
        ] {
            assert!(judge(Maxima::check_update, body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_body_of_start_replaces_all_limits() {
        assert_eq!(judge(Maxima::check_start, "{}"), Ok(()));
        assert!(judge(Maxima::check_start, r#"{"Binds":[]}"#).is_err());
        let all = r#"{"Memory":67108864,"NanoCpus":1,"PidsLimit":1}"#;
        assert_eq!(judge(Maxima::check_start, all), Ok(()));
    }

    #[test]
    fn services_set_every_limit() {
        let service = |limits: &str, swap: &str| {
            let resources = format!(r#"{{"Limits":{{{limits}}}{swap}}}"#);
            let body = format!(r#"{{"TaskTemplate":{{"Resources":{resources}}}}}"#);
            judge(Maxima::check_service, &body)
        };
        let all = r#""MemoryBytes":67108864,"NanoCPUs":1,"Pids":1"#;
        assert_eq!(service(all, ""), Ok(()));
        assert_eq!(service(all, r#","SwapBytes":67108864"#), Ok(()));
        assert!(service(all, r#","SwapBytes":-1"#).is_err());
        for limits in ["", r#""MemoryBytes":67108864,"NanoCPUs":1"#, r#""memorybytes":1"#] {
            assert!(service(limits, "").is_err(), "{limits}");
        }
        assert!(judge(Maxima::check_service, r#"{"TaskTemplate":{}}"#).is_err());
        assert!(judge(Maxima::check_service, "{}").is_err());
    }

    #[test]
    fn builds_set_memory_and_processors() {
        let build = |query: &str| maxima().check_head(Operation::ImageBuild, query);
        let all = "memory=67108864&cpuquota=150000";
        assert_eq!(build(all), Ok(()));
        assert_eq!(build(&format!("{all}&memswap=134217728&cpuperiod=100000&version=1")), Ok(()));
        for query in [
            "",
            "memory=67108864",
            "cpuquota=1",
            "memory=1g&cpuquota=1",
            "memory=67108864&cpuquota=150001",
            "memory=67108864&memory=0&cpuquota=1",
            "memory=67108864&cpuquota=1&memswap=-1",
            "memory=67108864&cpuquota=1&version=2",
        ] {
            assert!(build(query).is_err(), "{query}");
        }
        assert!(maxima().check_head(Operation::Grpc, "").is_err());
        let of_pids = Maxima { pids: maxima().pids, ..Maxima::default() };
        assert_eq!(of_pids.check_head(Operation::ImageBuild, ""), Ok(()));
    }
}
