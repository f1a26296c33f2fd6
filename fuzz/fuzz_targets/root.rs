#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| firebench_fuzz::run("root", data));
