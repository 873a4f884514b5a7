//! An upstream: its settings of the running Plan, and the state that outlives Plans.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use glorieta_net::Destination;
use glorieta_net::tls::Absent;
use glorieta_policy::health::outlier::Gate;
use glorieta_policy::retry::Budget;

use crate::queue::Queue;
use crate::set::EndpointSet;
use crate::settings::{Place, Source};
use crate::{Observer, Settings};

/// An upstream as one snapshot knows it.
pub struct Upstream {
    pub id: Arc<str>,
    pub settings: Settings,
    pub state: Arc<State>,
    pub(crate) budget: Arc<Budget>,
    budget_plan: glorieta_plan::RetryBudget,
    pub(crate) observer: Arc<dyn Observer>,
}

/// What survives a reload.
#[derive(Default)]
pub struct State {
    set: ArcSwap<EndpointSet>,
    /// The last good answer for each name.
    addresses: Mutex<HashMap<Arc<str>, Vec<IpAddr>>>,
    pub(crate) queue: Queue,
    pub(crate) gate: Gate,
    /// The turn of round robin.
    pub(crate) cursor: AtomicU64,
    /// An endpoint may be unusable; while not, nobody looks.
    pub(crate) troubled: AtomicBool,
    /// How long a connection may be idle, and how old it may become, in nanoseconds.
    pub(crate) idle: AtomicU64,
    pub(crate) max_age: AtomicU64,
}

impl Upstream {
    /// Whether an endpoint is a Unix socket.
    pub fn has_unix_endpoint(&self) -> bool {
        let unix = |source: &Source| matches!(source.place, Place::Fixed(Destination::Unix(_)));
        self.settings.sources.iter().any(unix)
    }

    /// Reads an upstream of a Plan; `previous` is the one of the same id in the running Plan, whose state it takes
    /// over. Its endpoints change only with [`Upstream::refresh`]. `absent`: what files that are not at hand mean.
    ///
    /// # Errors
    /// Sentences about what cannot be understood.
    pub fn build(
        plan: &glorieta_plan::Upstream,
        previous: Option<&Upstream>,
        observer: Arc<dyn Observer>,
        absent: Absent,
    ) -> Result<Upstream, Vec<String>> {
        let settings = Settings::read(plan, previous.map(|previous| &previous.settings), absent)?;
        let same_budget = previous.filter(|previous| previous.budget_plan == plan.retry_budget);
        Ok(Upstream {
            id: plan.id.as_str().into(),
            settings,
            state: previous.map(|previous| previous.state.clone()).unwrap_or_default(),
            budget: same_budget.map_or_else(|| Arc::new(Budget::new(&plan.retry_budget)), |same| same.budget.clone()),
            budget_plan: plan.retry_budget.clone(),
            observer,
        })
    }

    /// Publishes the endpoints that the settings and the known addresses give.
    pub fn refresh(&self) {
        let addresses = self.state.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.state.set();
        let set =
            EndpointSet::build(&self.settings, &previous, |name| addresses.get(name).cloned().unwrap_or_default());
        for endpoint in &previous.endpoints {
            endpoint.retire(!set.has(endpoint));
        }
        for endpoint in &set.endpoints {
            endpoint.retire(false);
            if self.settings.health.is_none() {
                endpoint.streak.reset();
            }
            match &self.settings.outlier {
                Some(outlier) => endpoint.outlier.follow(outlier),
                None => endpoint.outlier.release(),
            }
        }
        self.state.set.store(Arc::new(set));
        drop(addresses);
        self.state.idle.store(self.settings.idle.as_nanos() as u64, Ordering::Relaxed);
        self.state.max_age.store(self.settings.max_age.as_nanos() as u64, Ordering::Relaxed);
        // Who waits may find a free endpoint now, or a higher bound.
        self.state.queue.wake_all();
    }

    /// No Plan has it any more: idle connections are closed, those in use end with their requests.
    pub fn retire(&self) {
        for endpoint in &self.state.set().endpoints {
            endpoint.retire(true);
        }
    }

    /// Notes a name's addresses; `true`: they have changed.
    pub(crate) fn note_addresses(&self, name: &Arc<str>, found: Vec<IpAddr>) -> bool {
        let mut addresses = self.state.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.insert(name.clone(), found.clone()) != Some(found)
    }

    /// The names among its endpoints, each once.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for source in &self.settings.sources {
            if let Place::Name { host, .. } = &source.place
                && !names.contains(host)
            {
                names.push(host.clone());
            }
        }
        names
    }
}

impl State {
    /// The endpoints at this moment.
    pub fn set(&self) -> Arc<EndpointSet> {
        self.set.load_full()
    }

    pub(crate) fn current(&self) -> arc_swap::Guard<Arc<EndpointSet>> {
        self.set.load()
    }

    /// Requests that wait for a connection.
    pub fn waiting(&self) -> u32 {
        self.queue.waiting()
    }
}

#[cfg(test)]
mod tests {
    use glorieta_core::Moment;

    use super::*;
    use crate::testing::{Recorder, build, endpoint, on_worker, plan};

    fn successor(previous: &Upstream, plan: &glorieta_plan::Upstream) -> Upstream {
        Upstream::build(plan, Some(previous), Arc::<Recorder>::default(), Absent::Wrong).unwrap()
    }

    #[test]
    fn a_successor_takes_over_the_state_and_changes_it_only_when_told() {
        let first = build(&plan(&["10.0.0.1:80", "10.0.0.2:80"]));
        let [stays, goes] = [endpoint(&first, 0), endpoint(&first, 1)];
        let second = successor(&first, &plan(&["10.0.0.1:80", "10.0.0.3:80"]));
        assert!(Arc::ptr_eq(&first.state, &second.state));
        // Until the new Plan is in force, requests of the old one meet the old endpoints.
        assert!(!goes.is_retired() && second.state.set().has(&goes));
        second.refresh();
        assert!(Arc::ptr_eq(&endpoint(&second, 0), &stays));
        assert!(!stays.is_retired() && goes.is_retired());
        assert_eq!(second.state.set().endpoints.len(), 2);
        second.retire();
        assert!(stays.is_retired());
        // A later Plan may have it again.
        successor(&second, &plan(&["10.0.0.1:80"])).refresh();
        assert!(!stays.is_retired());
    }

    #[test]
    fn the_retry_budget_lasts_as_long_as_its_settings() {
        let first = build(&plan(&["10.0.0.1:80"]));
        let same = successor(&first, &plan(&["10.0.0.2:80"]));
        assert!(Arc::ptr_eq(&first.budget, &same.budget));
        let mut other = plan(&["10.0.0.1:80"]);
        other.retry_budget.percent = 7;
        assert!(!Arc::ptr_eq(&first.budget, &successor(&first, &other).budget));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut wrong = plan(&["no-port", "10.0.0.1:80", "a:99999"]);
        wrong.balance = glorieta_plan::Balance::Hash("nonsense".to_owned());
        let Err(problems) = Upstream::build(&wrong, None, Arc::<Recorder>::default(), Absent::Wrong) else {
            panic!("accepted")
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn addresses_of_names_are_noted_and_told_when_they_change() {
        let upstream = build(&plan(&["orders.example:80", "orders.example:81", "other.example:80", "10.0.0.1:80"]));
        let names = upstream.names();
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), ["orders.example", "other.example"]);
        assert_eq!(upstream.state.set().endpoints.len(), 1);
        let found: Vec<IpAddr> = vec![[10, 0, 0, 8].into()];
        assert!(upstream.note_addresses(&names[0], found.clone()));
        assert!(!upstream.note_addresses(&names[0], found));
        upstream.refresh();
        assert_eq!(upstream.state.set().endpoints.len(), 3);
        // What a name was known to mean outlives the Plan that asked.
        let second = successor(&upstream, &plan(&["orders.example:90"]));
        second.refresh();
        assert_eq!(endpoint(&second, 0).destination.to_string(), "10.0.0.8:90");
    }

    #[test]
    fn an_endpoint_that_is_down_is_not_left_so_when_its_checks_end() {
        on_worker(async {
            let check = glorieta_plan::ActiveCheck {
                kind: glorieta_plan::CheckKind::Tcp,
                every_ms: 1000,
                timeout_ms: 1000,
                fall: 1,
                rise: 1,
            };
            let checked = build(&glorieta_plan::Upstream { health: Some(check), ..plan(&["10.0.0.1:80"]) });
            endpoint(&checked, 0).streak.observe(false, 1, 1);
            assert!(!endpoint(&checked, 0).streak.is_up());
            let unchecked = successor(&checked, &plan(&["10.0.0.1:80"]));
            unchecked.refresh();
            assert!(endpoint(&unchecked, 0).streak.is_up());
        });
    }

    #[test]
    fn endpoints_that_stay_follow_the_settings_of_passive_checks() {
        let outlier = |window_ms| glorieta_plan::Outlier {
            consecutive: 0,
            success_percent: 50,
            window_ms,
            minimum_requests: 2,
            ejection_ms: 60_000,
            max_ejection_ms: 60_000,
            max_percent: 100,
        };
        let watched = |window_ms| glorieta_plan::Upstream {
            outlier: Some(outlier(window_ms)),
            ..plan(&["10.0.0.1:80", "10.0.0.2:80"])
        };
        let fail = |upstream: &Upstream, second: u64| {
            let counts = || glorieta_policy::health::outlier::Counts { total: 2, ejected: 0 };
            let settings = upstream.settings.outlier.as_ref().unwrap();
            let gate = Gate::default();
            endpoint(upstream, 0).outlier.record(Moment::from_millis(second * 1000), false, settings, 0, &gate, counts)
        };
        let long = build(&watched(10_000));
        let short = successor(&long, &watched(1_000));
        short.refresh();
        assert!(!fail(&short, 1));
        assert!(!fail(&short, 5), "the first failure lies outside of the new window");
        assert!(fail(&short, 5));
        let now = Moment::from_millis(5_000);
        assert!(endpoint(&short, 0).outlier.is_ejected(now));
        successor(&short, &plan(&["10.0.0.1:80", "10.0.0.2:80"])).refresh();
        assert!(!endpoint(&short, 0).outlier.is_ejected(now), "nobody watches it any more");
    }

    #[test]
    fn a_refresh_wakes_all_who_wait() {
        on_worker(async {
            let upstream = build(&plan(&["10.0.0.1:80"]));
            let mut places = [0, 1].map(|_| upstream.state.queue.join(10, false).unwrap());
            assert_eq!(upstream.state.waiting(), 2);
            upstream.refresh();
            for place in &mut places {
                assert!(matches!(place.woken().await, crate::queue::Grant::Changed));
            }
            assert_eq!(upstream.state.waiting(), 0);
        });
    }
}
