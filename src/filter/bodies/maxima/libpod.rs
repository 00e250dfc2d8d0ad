//! Limits in Podman's own tree, as an OCI runtime reads them.
//!
//! A limit that is present and 0 lifts it to some runtimes, so only absence leaves it
//! alone. Raw settings of the cgroup (`unified`) could set any limit and are refused, as
//! is a container without a cgroup. A pod whose infra container is Podman's own may
//! leave limits out: it runs nothing of a client's.

use super::{Cpus, Maxima, Maximum, Missing, check_cpus, number};
use crate::filter::bodies::read::{CpuLimits, Map, MemoryLimits, Resources, Spec, Update};
use crate::filter::bodies::refusal::{Closed, Refusal};

/// Modes in which a container has a cgroup of its own.
const WITH_CGROUP: [&str; 3] = ["", "enabled", "no-conmon"];

impl Maxima {
    /// Checks a container's spec.
    pub(in crate::filter::bodies) fn check_spec(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        if !WITH_CGROUP.contains(&spec.cgroups_mode()?) {
            return Err(Refusal::closed("cgroups_mode", Closed::NoLimits));
        }
        refuse_raw(spec.unified()?)?;
        self.check_limits(spec, Missing::Unlimited)
    }

    /// Checks a pod's spec. Its limits are those of all its containers together.
    pub(in crate::filter::bodies) fn check_pod(&self, spec: &Spec<'_>) -> Result<(), Refusal> {
        let is_own = spec.infra_image()?.is_empty() && spec.infra_command()?.is_none();
        self.check_limits(spec, if is_own { Missing::Unchanged } else { Missing::Unlimited })
    }

    fn check_limits(&self, spec: &Spec<'_>, missing: Missing) -> Result<(), Refusal> {
        let resources = spec.resource_limits()?;
        if let Some(resources) = &resources {
            refuse_raw(resources.unified()?)?;
        }
        self.check_resources("resource_limits.", resources.as_ref(), missing)
    }

    /// Checks an update of a container.
    pub(in crate::filter::bodies) fn check_libpod_update(
        &self,
        update: &Update<'_>,
    ) -> Result<(), Refusal> {
        let resources = update.resources();
        refuse_raw(resources.unified()?)?;
        self.check_resources("", Some(&resources), Missing::Unchanged)
    }

    fn check_resources(
        &self,
        above: &str,
        resources: Option<&Resources<'_>>,
        missing: Missing,
    ) -> Result<(), Refusal> {
        if let Some(maximum) = &self.memory {
            let memory = resources.map_or(Ok(None), Resources::memory)?;
            check_memory(maximum, above, memory.as_ref(), missing)?;
        }
        if let Some(maximum) = &self.cpus {
            let cpu = resources.map_or(Ok(None), Resources::cpu)?;
            check_cpu(maximum, above, cpu.as_ref(), missing)?;
        }
        if let Some(maximum) = &self.pids {
            let pids = resources.map_or(Ok(None), Resources::pids)?;
            let limit = pids.map_or(Ok(None), |pids| pids.limit())?;
            let missing = if limit.is_some() { Missing::Unlimited } else { missing };
            maximum.check(&format!("{above}pids.limit"), number(limit)?, missing)?;
        }
        Ok(())
    }
}

fn check_memory(
    maximum: &Maximum,
    above: &str,
    memory: Option<&MemoryLimits<'_>>,
    missing: Missing,
) -> Result<(), Refusal> {
    let limit = memory.map_or(Ok(None), |memory| memory.limit())?;
    let swap = memory.map_or(Ok(None), |memory| memory.swap())?;
    let given = |is_given: bool| if is_given { Missing::Unlimited } else { missing };
    let bytes = number(limit.clone())?;
    maximum.check(&format!("{above}memory.limit"), bytes, given(limit.is_some()))?;
    let whole = if bytes > 0 { bytes } else { maximum.value };
    let missing = if swap.is_some() { Missing::Unlimited } else { Missing::Unchanged };
    let most = whole.saturating_mul(2);
    maximum.check_below(&format!("{above}memory.swap"), number(swap)?, most, missing)
}

fn check_cpu(
    maximum: &Maximum,
    above: &str,
    cpu: Option<&CpuLimits<'_>>,
    missing: Missing,
) -> Result<(), Refusal> {
    let quota = cpu.map_or(Ok(None), |cpu| cpu.quota())?;
    let period = cpu.map_or(Ok(None), |cpu| cpu.period())?;
    let place = format!("{above}cpu.quota");
    if quota.is_none() && period.is_none() {
        return maximum.check(&place, 0, missing);
    }
    let (quota, period) = (number(quota)?, number(period)?);
    if quota == 0 {
        return maximum.check(&place, 0, Missing::Unlimited);
    }
    let cpus = Cpus { nanos: 0, quota, period };
    check_cpus(maximum, &format!("{above}cpu."), cpus, Missing::Unlimited)
}

fn refuse_raw(settings: Option<Map<'_>>) -> Result<(), Refusal> {
    match settings {
        Some(settings) if settings.entries().next().is_some() => {
            Err(Refusal::closed(settings.place, Closed::RawLimits))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::judge;
    use super::*;

    fn created(limits: &str) -> Result<(), String> {
        judge(Maxima::check_spec, &format!(r#"{{"image":"a","resource_limits":{{{limits}}}}}"#))
    }

    const REST: &str = r#""cpu":{"quota":150000,"period":100000},"pids":{"limit":100}"#;

    #[test]
    fn a_create_sets_every_limit() {
        let memory = |memory: &str| created(&format!(r#""memory":{memory},{REST}"#));
        assert_eq!(memory(r#"{"limit":536870912,"swap":1073741824}"#), Ok(()));
        assert_eq!(memory(r#"{"limit":536870912,"reservation":-1}"#), Ok(()));
        assert_eq!(
            memory("{}"),
            Err("resource_limits.memory.limit is not set; -maxmemory=512m needs it, at most \
                 536870912"
                .into())
        );
        for refused in [
            "null",
            r#"{"limit":0}"#,
            r#"{"limit":-1}"#,
            r#"{"limit":null}"#,
            r#"{"limit":536870913}"#,
            r#"{"limit":"512m"}"#,
            r#"{"limit":1e3}"#,
            r#"{"limit":5.0}"#,
            r#"{"Limit":1}"#,
            r#"{"limit":67108864,"swap":-1}"#,
            r#"{"limit":67108864,"swap":0}"#,
            r#"{"limit":67108864,"swap":134217729}"#,
        ] {
            assert!(memory(refused).is_err(), "{refused}");
        }
        for cpu in [
            "null",
            "{}",
            r#"{"quota":0}"#,
            r#"{"quota":-1,"period":100000}"#,
            r#"{"period":100000}"#,
            r#"{"quota":150001}"#,
            r#"{"quota":1000,"period":100}"#,
            r#"{"cpus":"0"}"#,
        ] {
            let limits = format!(r#""memory":{{"limit":9}},"cpu":{cpu},"pids":{{"limit":1}}"#);
            assert!(created(&limits).is_err(), "{cpu}");
        }
        for pids in ["null", "{}", r#"{"limit":0}"#, r#"{"limit":-1}"#, r#"{"limit":101}"#] {
            let limits = format!(r#""memory":{{"limit":9}},"cpu":{{"quota":9}},"pids":{pids}"#);
            assert!(created(&limits).is_err(), "{pids}");
        }
        assert!(judge(Maxima::check_spec, r#"{"image":"a"}"#).is_err());
        assert!(judge(Maxima::check_spec, r#"{"Resource_Limits":{}}"#).is_err());
    }

    #[test]
    fn no_setting_goes_around_a_limit() {
        let limits = format!(r#""memory":{{"limit":9}},{REST}"#);
        for fields in [
            format!(r#""resource_limits":{{{limits},"unified":{{"memory.max":"max"}}}}"#),
            format!(r#""resource_limits":{{{limits}}},"unified":{{"memory.max":"max"}}"#),
            format!(r#""resource_limits":{{{limits}}},"cgroups_mode":"disabled""#),
            format!(r#""resource_limits":{{{limits}}},"cgroups_mode":"split""#),
        ] {
            assert!(judge(Maxima::check_spec, &format!("{{{fields}}}")).is_err(), "{fields}");
        }
    }

    #[test]
    fn an_update_lifts_no_limit() {
        let update = |body: &str| judge(Maxima::check_libpod_update, body);
        for body in [
            "{}",
            r#"{"memory":{"limit":67108864,"swap":134217728},"cpu":{"quota":50000,"period":100000}}"#,
            r#"{"memory":null,"cpu":{},"pids":{"limit":5},"Env":null}"#,
            r#"{"health_cmd":"true","memory":{"swap":1073741824}}"#,
        ] {
            assert_eq!(update(body), Ok(()), "{body}");
        }
        for body in [
            r#"{"memory":{"limit":-1}}"#,
            r#"{"memory":{"limit":0}}"#,
            r#"{"memory":{"limit":1073741824}}"#,
            r#"{"memory":{"swap":-1}}"#,
            r#"{"memory":{"swap":1073741825}}"#,
            r#"{"cpu":{"quota":-1}}"#,
            r#"{"cpu":{"period":1000}}"#,
            r#"{"pids":{"limit":0}}"#,
            r#"{"pids":{"limit":-1}}"#,
            r#"{"unified":{"pids.max":"max"}}"#,
            r#"{"Memory":{"limit":1}}"#,
        ] {
            assert!(update(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_pod_of_podmans_own_may_leave_limits_out() {
        let pod = |body: &str| judge(Maxima::check_pod, body);
        assert_eq!(pod(r#"{"name":"p","resource_limits":{"cpu":{}}}"#), Ok(()));
        assert!(pod(r#"{"name":"p","resource_limits":{"memory":{"limit":-1}}}"#).is_err());
        assert!(pod(r#"{"name":"p","infra_image":"a"}"#).is_err());
        assert!(pod(r#"{"name":"p","infra_command":["sh"]}"#).is_err());
    }
}
