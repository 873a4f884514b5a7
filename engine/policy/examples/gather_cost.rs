//! What merging costs: three answers of 1 KiB each become one, in nanoseconds of this thread's time.
//!
//! `cargo run --release -p glorieta-policy --example gather_cost`

use std::time::Instant;

use glorieta_plan::{Conflict, GatherShape};
use glorieta_policy::gather::{Json, Merge, Shape, Shaped};

const ROUNDS: u32 = 200_000;

/// An object of about 1 KiB: an id, texts, and a list of small objects.
fn answer(number: u32) -> String {
    let item =
        |item: u32| format!(r#"{{"id":{item},"title":"The title of item {item}","price":{item}.50,"stock":true}}"#);
    let items: Vec<String> = (0..13).map(item).collect();
    format!(
        r#"{{"id{number}":"{number}","name{number}":"A name","items{number}":[{}],"total{number}":13}}"#,
        items.join(",")
    )
}

fn merged(shapes: &[Shape], answers: &[String]) -> Option<Vec<u8>> {
    let mut merge = Merge::new(Conflict::Error);
    for ((place, answer), shape) in answers.iter().enumerate().zip(shapes) {
        let Shaped::Object(members) = shape.apply(Json::check(answer.as_bytes()).ok()?)? else { return None };
        merge.add(place, members).ok()?;
    }
    let mut out = Vec::with_capacity(4096);
    merge.write(&mut out);
    Some(out)
}

fn measure(name: &str, plan: impl Fn(u32) -> GatherShape) {
    let answers: Vec<String> = (0..3).map(answer).collect();
    let shapes: Vec<Shape> = (0..3).filter_map(|number| Shape::read(&plan(number)).ok()).collect();
    let bytes: usize = answers.iter().map(String::len).sum();
    let start = Instant::now();
    let mut length = 0;
    for _ in 0..ROUNDS {
        length += merged(&shapes, &answers).map_or(0, |out| out.len());
    }
    let each = start.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{name}: {each} ns for {bytes} bytes in, {} out", length / ROUNDS as usize);
}

fn main() {
    measure("passed on", |_| GatherShape::default());
    measure("selected", |number| GatherShape {
        select: vec![format!("items{number}.title")],
        ..GatherShape::default()
    });
    measure("dropped", |number| GatherShape { drop: vec![format!("items{number}.stock")], ..GatherShape::default() });
}
