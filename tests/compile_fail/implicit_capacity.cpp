// A number does not turn into a channel by itself.
// says: conversion from
// says: could not convert
// says: no viable conversion
#include "sluice/channel.hpp"

void use() {
#ifdef SLUICE_BREAK
  const sluice::channel<int> ch = 3;
#else
  const sluice::channel<int> ch(3);
#endif
  ch.close();
}
