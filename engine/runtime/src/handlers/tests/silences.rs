//! Processes that give no sign.

use glorieta_carrier::FromHandler;

use super::super::silence::{Silence, Watch};
use super::*;

/// Looks so many milliseconds after the process was heard last; every time twice, as whoever looks in time does.
fn look(watch: &mut Watch, process: &Fake, heard: Moment, after: u64) -> Vec<Silence> {
    let all = [process.process.clone()];
    let mut told = watch.look(&all, heard.plus_millis(after - 40));
    told.extend(watch.look(&all, heard.plus_millis(after)));
    told.into_iter().map(|(_, silence)| silence).collect()
}

#[test]
fn silence_is_told_once_and_so_is_its_end() {
    on_worker(async {
        let (house, mut watch) = (House::new(), Watch::default());
        let process = house.process("one");
        let asking = house.ask(&handler(|_| {}));
        let (call, _) = process.begun().await;
        let heard = process.process.heard().unwrap();
        assert_eq!(look(&mut watch, &process, heard, 100), []);
        assert_eq!(look(&mut watch, &process, heard, 160), [Silence::Began(Duration::from_millis(160))]);
        assert_eq!(look(&mut watch, &process, heard, 300), []);
        process.send(FromHandler::Beat { lag: 0, running: 1 });
        until(|| process.process.heard().unwrap() > heard).await;
        let again = process.process.heard().unwrap();
        assert_eq!(look(&mut watch, &process, again, 50), [Silence::Ended(again.since(heard))]);
        process.answer(call, full("x"));
        response(asking).await;
    });
}

#[test]
fn who_has_nothing_to_do_need_give_no_sign() {
    on_worker(async {
        let (house, mut watch) = (House::new(), Watch::default());
        let process = house.process("one");
        assert_eq!(look(&mut watch, &process, Moment::now(), 10_000), []);
        let asking = house.ask(&handler(|_| {}));
        let (call, _) = process.begun().await;
        let heard = process.process.heard().unwrap();
        assert_eq!(look(&mut watch, &process, heard, 90), []);
        process.answer(call, full("x"));
        response(asking).await;
        assert_eq!(look(&mut watch, &process, heard, 10_000), []);
    });
}

#[test]
fn whoever_looks_late_says_nothing() {
    on_worker(async {
        let (house, mut watch) = (House::new(), Watch::default());
        let process = house.process("one");
        let _asking = house.ask(&handler(|_| {}));
        process.begun().await;
        let (heard, all) = (process.process.heard().unwrap(), [process.process.clone()]);
        assert_eq!(watch.look(&all, heard.plus_millis(10)), []);
        assert_eq!(watch.look(&all, heard.plus_millis(400)), []);
        assert_eq!(watch.look(&all, heard.plus_millis(450)).len(), 1);
    });
}
