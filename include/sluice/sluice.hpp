// sluice: channels and fibers. The umbrella: everything that users may write.
#pragma once

#include "sluice/cancelled.hpp"
#include "sluice/channel.hpp"
#include "sluice/close.hpp"
#include "sluice/export.hpp"
#include "sluice/fiber_id.hpp"
#include "sluice/gather.hpp"
#include "sluice/handles.hpp"
#include "sluice/outcome.hpp"
#include "sluice/runtime.hpp"
#include "sluice/scope.hpp"
#include "sluice/shield.hpp"
#include "sluice/status.hpp"
#include "sluice/task.hpp"
#include "sluice/this_fiber.hpp"
#include "sluice/version.hpp"
#include "sluice/with_stop.hpp"
