// sluice: channels and fibers. The umbrella: everything that users may write.
#pragma once

#include "sluice/channel.hpp"
#include "sluice/close.hpp"
#include "sluice/export.hpp"
#include "sluice/handles.hpp"
#include "sluice/status.hpp"
#include "sluice/version.hpp"
