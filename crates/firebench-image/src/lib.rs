//! What a guest boots: kernel, modules, initramfs, root disk, payload, and the content-addressed cache.
