//! Where tensors live: the one place to switch from the processor to a graphics card.

use burn::tensor::Device;

/// The device networks run on: CUDA or WebGPU where the crate was built with it, else the processor.
pub fn default() -> Device {
    #[cfg(feature = "cuda")]
    return Device::cuda(0);
    #[cfg(all(feature = "wgpu", not(feature = "cuda")))]
    return Device::wgpu(burn::tensor::DeviceKind::DefaultDevice);
    #[cfg(not(any(feature = "cuda", feature = "wgpu")))]
    Device::flex()
}
