//! The series of one name, as the text format has them.

use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::Written;
use crate::metrics::cells::Durations;

pub(super) type Label<'a> = (&'a str, &'a str);

/// The series of one name. Their head is written with the first of them, or never.
pub(super) struct Family<'a, 'b> {
    encoder: Start<'a, 'b>,
    name: &'static str,
    help: &'static str,
    kind: MetricType,
}

enum Start<'a, 'b> {
    Ahead(Option<&'a mut DescriptorEncoder<'b>>),
    Done(MetricEncoder<'a>),
}

impl<'a, 'b> Family<'a, 'b> {
    fn new(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str, kind: MetricType) -> Self {
        Family { encoder: Start::Ahead(Some(encoder)), name, help, kind }
    }

    /// The name is without `_total`, which the format appends to every counter.
    pub fn counter(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Counter)
    }

    pub fn gauge(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Gauge)
    }

    pub fn histogram(encoder: &'a mut DescriptorEncoder<'b>, name: &'static str, help: &'static str) -> Self {
        Family::new(encoder, name, help, MetricType::Histogram)
    }

    pub fn series(&mut self) -> Result<&mut MetricEncoder<'a>, Error> {
        if let Start::Ahead(encoder) = &mut self.encoder {
            let encoder = encoder.take().ok_or(Error)?;
            self.encoder = Start::Done(encoder.encode_descriptor(self.name, self.help, None, self.kind)?);
        }
        match &mut self.encoder {
            Start::Done(metric) => Ok(metric),
            Start::Ahead(_) => Err(Error),
        }
    }

    pub fn count(&mut self, labels: &impl EncodeLabelSet, count: u64) -> Written {
        self.series()?.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
    }

    pub fn counts<'c>(
        &mut self,
        owner: Label<'_>,
        name: &str,
        counts: impl IntoIterator<Item = (&'c str, u64)>,
    ) -> Written {
        counts.into_iter().try_for_each(|(word, count)| self.count(&[owner, (name, word)], count))
    }

    /// The same of something that has listener, route and upstream.
    pub fn counts_of<'c>(
        &mut self,
        [listener, route, upstream]: [&str; 3],
        name: &str,
        counts: impl IntoIterator<Item = (&'c str, u64)>,
    ) -> Written {
        let owner = [("listener", listener), ("route", route), ("upstream", upstream)];
        counts
            .into_iter()
            .try_for_each(|(word, count)| self.count(&[owner[0], owner[1], owner[2], (name, word)], count))
    }

    pub fn level(&mut self, labels: &[Label<'_>], value: u64) -> Written {
        self.series()?.encode_family(&labels)?.encode_gauge(&value)
    }

    /// The level of a family that has one series and no labels.
    pub fn single(&mut self, value: u64) -> Written {
        self.series()?.encode_gauge(&value)
    }

    pub fn durations(&mut self, labels: &[Label<'_>], durations: &Durations) -> Written {
        let mut buckets = durations.buckets();
        if let Some(last) = buckets.last_mut() {
            last.0 = f64::INFINITY;
        }
        let (sum, count) = (durations.sum_seconds(), durations.count());
        self.series()?.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}
