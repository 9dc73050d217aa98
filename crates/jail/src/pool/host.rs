//! What this host allows, as /proc tells it: user ids for the slots, and why namespaces cannot be had.
//!
//! Neither is believed blindly: the probe tries. This page decides what is tried, and finds the words for what failed.

use super::cgroup::read;
use crate::sys::process;
use std::fmt;
use std::path::Path;

/// Under whose user id rooms run, seen from outside of their namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Each slot and role has one of its own, from this one up.
    Own(u32),
    /// All have the gateway's.
    Gateways {
        /// Whom that is.
        gateway: Gateway,
        /// Why there are no others.
        why: String,
    },
}

/// Who the gateway is to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    Root,
    /// Also whoever is root in a container only.
    Ordinary,
}

impl Ids {
    /// Own ids if `wanted` of them from `first` up are there for the taking.
    pub(crate) fn find(first: Option<u32>, wanted: u32) -> Ids {
        let texts = ["uid_map", "gid_map", "setgroups", "status"]
            .map(|name| read(&Path::new("/proc/self").join(name)).unwrap_or_default());
        Identity { user: process::effective_uid(), texts: texts.each_ref().map(String::as_str) }.ids(first, wanted)
    }

    /// As before, but without own ids: taking one has failed.
    pub(crate) fn without_own(failure: &impl fmt::Display) -> Ids {
        // Only root tries.
        Ids::Gateways { gateway: Gateway::Root, why: failure.to_string() }
    }
}

/// What /proc/self says about this process: `uid_map`, `gid_map`, `setgroups`, `status`.
struct Identity<'a> {
    user: u32,
    texts: [&'a str; 4],
}

impl Identity<'_> {
    fn ids(&self, first: Option<u32>, wanted: u32) -> Ids {
        let [users, groups, setgroups, status] = self.texts;
        let outside = extents(users).find_map(|extent| extent.outside_of(self.user));
        let gateway = if outside == Some(0) { Gateway::Root } else { Gateway::Ordinary };
        let shared = |why: String| Ids::Gateways { gateway, why };
        if self.user != 0 {
            return shared("the gateway is an ordinary user".to_owned());
        }
        let Some(first) = first else { return shared("no user ids are set aside for slots".to_owned()) };
        let last = first.saturating_add(wanted.saturating_sub(1));
        for (map, file) in [(users, "uid_map"), (groups, "gid_map")] {
            if !extents(map).any(|extent| extent.has(first) && extent.has(last)) {
                return shared(format!(
                    "ids {first} to {last} do not exist in the gateway's user namespace (/proc/self/{file})"
                ));
            }
        }
        // Missing before Linux 3.19, where nothing forbids it.
        if setgroups.trim() == "deny" {
            return shared(
                "groups cannot be dropped in the gateway's user namespace (/proc/self/setgroups)".to_owned(),
            );
        }
        // The bounding set, because that is what root has after exec.
        let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
        let bounding = bounding.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
        if bounding & SETGID_AND_SETUID != SETGID_AND_SETUID {
            return shared(
                "CAP_SETUID or CAP_SETGID is withheld from the gateway: leave it both, or run it as an ordinary user"
                    .to_owned(),
            );
        }
        Ids::Own(first)
    }
}

/// A line of an id map.
struct Extent {
    inside: u64,
    outside: u64,
    count: u64,
}

impl Extent {
    fn has(&self, id: u32) -> bool {
        self.outside_of(id).is_some()
    }

    fn outside_of(&self, id: u32) -> Option<u64> {
        let place = u64::from(id).checked_sub(self.inside).filter(|place| *place < self.count)?;
        self.outside.checked_add(place)
    }
}

fn extents(map: &str) -> impl Iterator<Item = Extent> {
    map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (inside, outside, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Extent { inside, outside, count })
    })
}

/// What keeps this host from giving namespaces, and what helps, for the kernel's answer to the attempt.
pub(crate) fn why_no_namespaces(errno: i32) -> String {
    explain(errno, |sysctl| read(&Path::new("/proc/sys").join(sysctl.replace('.', "/"))).ok())
}

fn explain(errno: i32, setting: impl Fn(&str) -> Option<String>) -> String {
    let is = |sysctl: &str, value: &str| setting(sysctl).is_some_and(|found| found.trim() == value);
    for kind in ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"] {
        let sysctl = format!("user.max_{kind}_namespaces");
        if is(&sysctl, "0") {
            return format!("{sysctl} is 0: set it to 10000 or so (sysctl)");
        }
    }
    if errno == libc::ENOSPC {
        return "as many namespaces as the sysctls user.max_*_namespaces allow are in use: raise them".to_owned();
    }
    if is("kernel.unprivileged_userns_clone", "0") {
        return "kernel.unprivileged_userns_clone is 0: set it to 1 (sysctl)".to_owned();
    }
    let refused = errno == libc::EPERM || errno == libc::EACCES;
    if refused && is("kernel.apparmor_restrict_unprivileged_userns", "1") {
        return "AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns is 1): load an AppArmor profile \
                for this executable that contains `userns,`, or set that sysctl to 0"
            .to_owned();
    }
    if refused {
        return "no sysctl forbids them, so look for a container's seccomp profile, a container that withholds \
                CAP_SETFCAP from its root, systemd's RestrictNamespaces=, or a chroot"
            .to_owned();
    }
    "the kernel may have been built without them".to_owned()
}

/// Bits 6 and 7.
const SETGID_AND_SETUID: u64 = 0b1100_0000;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "         0          0 4294967295\n";
    const STATUS: &str = "Name:\tmisogi\nCapBnd:\t000001ffffffffff\n";

    fn ids(user: u32, texts: [&str; 4]) -> Ids {
        Identity { user, texts }.ids(Some(2_000_000_000), 4)
    }

    fn shared(user: u32, texts: [&str; 4], gateway: Gateway, word: &str) {
        match ids(user, texts) {
            Ids::Gateways { gateway: found, why } => {
                assert_eq!(found, gateway, "{why}");
                assert!(why.contains(word), "{why}");
            }
            own @ Ids::Own(_) => panic!("{own:?} where {word}"),
        }
    }

    #[test]
    fn root_of_the_host_has_own_ids_and_nobody_else_needs_them() {
        assert_eq!(ids(0, [ALL, ALL, "allow\n", STATUS]), Ids::Own(2_000_000_000));
        assert_eq!(ids(0, [ALL, ALL, "", STATUS]), Ids::Own(2_000_000_000));
        shared(1000, [ALL, ALL, "allow\n", STATUS], Gateway::Ordinary, "ordinary user");
    }

    #[test]
    fn root_of_a_rootless_container_is_an_ordinary_user() {
        let alone = "         0       1000          1\n";
        shared(0, [alone, alone, "deny\n", STATUS], Gateway::Ordinary, "uid_map");
        let subordinate = "0 1000 1\n1 100000 65536\n";
        shared(0, [subordinate, subordinate, "allow\n", STATUS], Gateway::Ordinary, "uid_map");
        shared(0, [ALL, subordinate, "allow\n", STATUS], Gateway::Root, "gid_map");
    }

    #[test]
    fn a_map_must_cover_the_last_id_as_well() {
        let of = |count: u32| format!("0 100000 2\n2000000000 3000000000 {count}\n");
        shared(0, [&of(3), ALL, "allow\n", STATUS], Gateway::Ordinary, "2000000000 to 2000000003");
        assert_eq!(ids(0, [&of(4), ALL, "allow\n", STATUS]), Ids::Own(2_000_000_000));
    }

    #[test]
    fn root_that_may_not_change_its_ids_keeps_them() {
        shared(0, [ALL, ALL, "deny\n", STATUS], Gateway::Root, "setgroups");
        for set in ["0000000000000000", "0000000000000040", "0000000000000080", "nonsense"] {
            shared(0, [ALL, ALL, "allow\n", &format!("CapBnd:\t{set}\n")], Gateway::Root, "CAP_SETUID");
        }
    }

    #[test]
    fn what_keeps_namespaces_away_is_named_with_its_remedy() {
        let on_ubuntu = |sysctl: &str| match sysctl {
            "kernel.apparmor_restrict_unprivileged_userns" | "kernel.unprivileged_userns_clone" => {
                Some("1\n".to_owned())
            }
            "user.max_user_namespaces" => Some("96365\n".to_owned()),
            _ => None,
        };
        let text = explain(libc::EPERM, on_ubuntu);
        assert!(text.contains("kernel.apparmor_restrict_unprivileged_userns") && text.contains("`userns,`"), "{text}");
        for (sysctl, errno) in [
            ("user.max_user_namespaces", libc::ENOSPC),
            ("user.max_net_namespaces", libc::ENOSPC),
            ("kernel.unprivileged_userns_clone", libc::EPERM),
        ] {
            let text = explain(errno, |asked| (asked == sysctl).then(|| "0\n".to_owned()));
            assert!(text.starts_with(&format!("{sysctl} is 0: set it to")), "{text}");
        }
        assert!(explain(libc::ENOSPC, |_| None).contains("in use"));
        assert!(explain(libc::EPERM, |_| None).contains("RestrictNamespaces="));
        assert!(explain(libc::EINVAL, on_ubuntu).contains("built without"));
    }
}
