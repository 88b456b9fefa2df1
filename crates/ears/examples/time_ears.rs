//! Times musicnn or YAMNet on one thread: the CPU seconds of each run over the same thirty seconds of noise, as lists in JSON.
//!
//! `cargo run --release -p melisma-ears --example time_ears -- MODEL.onnx REPEATS`. `scripts/bench_ears.py` calls this and onnxruntime by
//! turns.

use melisma_audio::Signal;
use melisma_ears::front::SAMPLE_RATE;
use melisma_ears::musicnn::{self, Musicnn};
use melisma_ears::weights::onnx::Graph;
use melisma_ears::yamnet::{self, Yamnet};
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let usage = "usage: time_ears MODEL.onnx REPEATS";
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or(usage)?;
    let repeats: usize = arguments.next().ok_or(usage)?.parse()?;
    let graph = Graph::parse(&std::fs::read(model)?)?;
    let yamnet = Yamnet::from_onnx(&graph).ok();
    let musicnn = match yamnet {
        Some(_) => None,
        None => Some(Musicnn::from_onnx(&graph)?),
    };
    let mut state = 1_u32;
    let samples = (0..30 * SAMPLE_RATE.0).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state as f32 / u32::MAX as f32 - 0.5
    });
    let signal = Signal::new(samples.collect(), SAMPLE_RATE);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (mut front, mut network) = (Vec::new(), Vec::new());
    pool.install(|| -> Result<(), melisma_ears::front::Error> {
        for _ in 0..repeats {
            let (cut, time) = timed(|| match yamnet {
                Some(_) => yamnet::patches(&signal),
                None => musicnn::patches(&signal),
            });
            front.push(time);
            let cut = cut?;
            let ((), time) = timed(|| {
                if let Some(yamnet) = &yamnet {
                    yamnet.hear(cut.view());
                }
                if let Some(musicnn) = &musicnn {
                    musicnn.hear(cut.view());
                }
            });
            network.push(time);
        }
        Ok(())
    })?;
    println!("{}", serde_json::json!({ "front": front, "network": network }));
    Ok(())
}

/// A value and the processor's seconds that making it took.
fn timed<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let seconds = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let start = seconds();
    let value = make();
    (value, seconds() - start)
}
