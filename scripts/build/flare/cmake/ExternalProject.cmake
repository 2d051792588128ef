# Stands in front of CMake's own module of this name while FLARE is built.
# FLARE uses it for Eigen only: nothing is downloaded, the system's Eigen is used.
find_path(TM23_EIGEN_DIR signature_of_eigen3_matrix_library
          PATH_SUFFIXES eigen3 REQUIRED)

function(ExternalProject_Add name)
  add_custom_target(${name})
endfunction()

macro(ExternalProject_Get_Property name)
  set(SOURCE_DIR "${TM23_EIGEN_DIR}")
endmacro()
