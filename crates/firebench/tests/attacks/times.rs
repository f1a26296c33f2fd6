//! Guests that forge times, played by the fake VMM.
