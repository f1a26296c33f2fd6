//! Words on a kernel's command line that more than one kind of machine needs.

/// Words for the kernel of an emulated machine. The first two keep it from calibrating its clock against an emulated timer:
/// about one start of three hangs in that for good ("tsc: Unable to calibrate against PIT"). With the third it believes in
/// the counter although TCG's vCPUs show it unsynchronised at boot; else it falls back on a clock of 4 ms steps.
pub fn emulated_timer(tsc_khz: u32) -> String {
    format!("tsc_early_khz={tsc_khz} no_timer_check tsc=reliable")
}
