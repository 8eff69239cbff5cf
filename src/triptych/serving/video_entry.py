"""What MLflow runs to get the model ("models from code"): copied into the model, so that nothing is pickled."""

from mlflow.models import set_model

from triptych.serving.video_model import VideoModel

set_model(VideoModel())
