"""How fast faces are made: faces/s at 64x64 on one and two threads, and against VTK.

    python benchmarks/faces.py [--count 512] [--size 64]

Everything is timed as a user gets it: vertices, hair, landmarks with visibility, anti-aliased
colour, depth, normals, masks and camera noise, 2x2 samples a pixel. VTK draws the same posed heads
(bare geometry, one light, 4 multisamples) and reads back colour and depth. It is no dependency:
`pip install vtk` in an environment of its own is enough; without it the ratio is left out.
"""

import argparse
import time

import numpy as np

from facelab import faces
from facelab.faces.scene import posed_vertices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--size", type=int, default=64)
    arguments = parser.parse_args()
    factors = faces.sample(arguments.count, seed=1, difficulty="train")
    channels = ("image", "landmarks", "visible", "depth", "normals", "masks")
    start = time.perf_counter()
    faces.render(factors[:2], size=arguments.size, channels=channels)
    print(f"first call, compiling or loading compiled code: {time.perf_counter() - start:.1f} s")
    speeds = {}
    for threads in (1, 2):
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            faces.render(factors, size=arguments.size, channels=channels, threads=threads)
            best = min(best, time.perf_counter() - start)
        speeds[threads] = arguments.count / best
        print(f"facelab, {threads} thread(s): {speeds[threads]:.0f} faces/s at "
              f"{arguments.size}x{arguments.size}, {', '.join(channels)}")  # fmt: skip
    try:
        vtk_speed = _vtk(factors[:128], arguments.size)
    except ImportError as error:
        print(f"VTK is not installed ({error}): no ratio. `pip install vtk` brings it.")
        return
    print(f"VTK, bare heads, colour and depth: {vtk_speed:.0f} faces/s")
    for threads, speed in speeds.items():
        print(f"facelab on {threads} thread(s) / VTK: {speed / vtk_speed:.2f}")


def _vtk(factors: faces.Factors, size: int) -> float:
    """Faces per second that VTK draws of the same posed heads into an off-screen window."""
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers the renderer)
    from vtkmodules.util import numpy_support
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals
    from vtkmodules.vtkRenderingCore import (
        vtkActor,
        vtkPolyDataMapper,
        vtkRenderer,
        vtkRenderWindow,
        vtkWindowToImageFilter,
    )  # fmt: skip

    vertices, triangles = posed_vertices(factors), faces.load().triangles
    sides = faces.crops(factors)
    points, mesh, cells = vtkPoints(), vtkPolyData(), vtkCellArray()
    connectivity = np.ascontiguousarray(triangles, np.int64).ravel()
    offsets = np.arange(0, len(connectivity) + 1, 3, dtype=np.int64)
    cells.SetData(numpy_support.numpy_to_vtkIdTypeArray(offsets, deep=True),
                  numpy_support.numpy_to_vtkIdTypeArray(connectivity, deep=True))  # fmt: skip
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    normals = vtkPolyDataNormals()
    normals.SetInputData(mesh)
    normals.SplittingOff()
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputConnection(normals.GetOutputPort())
    actor.SetMapper(mapper)
    renderer, window = vtkRenderer(), vtkRenderWindow()
    renderer.AddActor(actor)
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(4)
    window.SetSize(size, size)
    window.AddRenderer(renderer)
    camera = renderer.GetActiveCamera()

    def draw(i: int) -> None:
        points.SetData(numpy_support.numpy_to_vtk(vertices[i], deep=True))
        points.Modified()
        x, y, side = sides[i]
        distance = float(factors.camera[i, 3])
        camera.SetPosition(x * distance, -y * distance, distance)
        camera.SetFocalPoint(x * distance, -y * distance, 0)
        camera.SetViewAngle(float(np.degrees(2 * np.arctan(side / 2))))
        camera.SetClippingRange(distance - 40, distance + 40)
        window.Render()
        for read in ("rgb", "depth"):
            grab = vtkWindowToImageFilter()
            grab.SetInput(window)
            grab.ReadFrontBufferOff()
            grab.ShouldRerenderOff()
            if read == "depth":
                grab.SetInputBufferTypeToZBuffer()
            grab.Update()
            numpy_support.vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())

    draw(0)  # makes the window and compiles its shaders
    start = time.perf_counter()
    for i in range(len(vertices)):
        draw(i)
    return len(vertices) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
