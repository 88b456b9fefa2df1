//! CPU time of a training step, for `scripts/bench_networks.py`: `bench_step NETWORK STEPS` prints milliseconds a step.

use std::time::Duration;

use melisma_dataset::rng::Rng;
use melisma_neural::networks::{CnnLstmParams, CnnParams, DenseParams, NetworkParams};
use melisma_neural::train::{Progress, Samples, TrainParams, Watch, train};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Notes the time at every step.
#[derive(Default)]
struct Times(std::sync::Mutex<Vec<Duration>>);

impl Watch for Times {
    fn step(&self, _: &Progress) {
        self.0.lock().expect("no step panics").push(cpu());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (name, steps) = (
        arguments[1].as_str(),
        arguments[2].parse::<usize>().expect("a number of steps"),
    );
    let cnn = || NetworkParams::Cnn(CnnParams::default());
    let lstm = || NetworkParams::CnnLstm(CnnLstmParams::default());
    let (network, shape, batch) = match name {
        "dense" => (NetworkParams::Dense(DenseParams::default()), vec![63], 64),
        "cnn_128x256" => (cnn(), vec![1, 128, 256], 32),
        "cnn_64x128" => (cnn(), vec![1, 64, 128], 32),
        "cnn_lstm_128x256" => (lstm(), vec![1, 128, 256], 32),
        "cnn_lstm_64x128" => (lstm(), vec![1, 64, 128], 32),
        _ => panic!("no network called {name}"),
    };
    let mut rng = Rng::new(1);
    let size: usize = shape.iter().product();
    let values = (0..batch * size)
        .map(|_| (rng.next_u64() >> 40) as f32 / (1 << 24) as f32)
        .collect();
    let labels = (0..batch).map(|i| i % 10).collect();
    let samples = Samples::new(&shape, values, labels, 10).expect("the samples are sound");
    let params = TrainParams {
        batch,
        epochs: steps + 1,
        ..TrainParams::default()
    };
    let times = Times::default();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("one thread can be had");
    pool.install(|| train(&network, &params, &samples, None, None, &times).expect("the training ends"));
    let times = times.0.into_inner().expect("no step panicked");
    let spent = *times.last().expect("there were steps") - times[0];
    println!("{:.3}", 1e3 * spent.as_secs_f64() / steps as f64);
}
